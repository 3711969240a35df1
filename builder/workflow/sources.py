"""Which source an image is made from: a kit named by the user, else the one it was made from last, else upstream."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from builder.errors import UsageError
from builder.lock.source import Source
from builder.settings.model import Settings
from builder.spec.project import Project
from builder.store.cache import default_root
from builder.store.given import GivenInstaller
from builder.store.kit import Kit
from builder.store.upstream import Upstream
from builder.workflow import records

log = logging.getLogger(__name__)

UPSTREAM = "none"  # `--kit none`: the committed locks and the real channels, whatever was used before


@dataclass(frozen=True)
class Asked:
    """What the options say about the upstreams: an installer of the user's own, and settings."""

    installer: GivenInstaller | None = None
    settings: Settings = field(default_factory=Settings)


NOTHING = Asked()


def upstream(project: Project, asked: Asked = NOTHING) -> Upstream:
    """The real channels, through the mirrors of this project and user; settings are read when they are needed."""

    def read() -> Settings:
        from builder.settings.read import read_settings

        return read_settings(project.root, asked.settings)

    return Upstream(read=read, given=asked.installer)


def choose(
    project: Project, ref: str, kit: str | None, *, label: str | None = None, asked: Asked = NOTHING
) -> Source:
    """The source for one image.

    kit is the option's value; after it come IMGBUILD_KIT, the image's label (from the engine, where it was
    asked), and the image's record. Raises UsageError when the kit that was used last is not where it was, and
    for an installer together with a kit, which has its own.
    """
    named = kit or os.environ.get("IMGBUILD_KIT")
    if named == UPSTREAM:
        return upstream(project, asked)
    if named:
        _no_installer_beside(Path(named), asked)
        return remember(Kit.open(Path(named)))
    record = records.read(project, ref)
    used = label or (record.source if record else "upstream")
    if not used.startswith("kit:"):
        return upstream(project, asked)
    _no_installer_beside(used[:16], asked)
    return _used_before(used.removeprefix("kit:"), ref, record.kit if record else None)


def _no_installer_beside(kit: Path | str, asked: Asked) -> None:
    if asked.installer is not None:
        raise UsageError(
            f"the kit {kit} has an installer of its own", where="--installer", fix=f"add --kit {UPSTREAM}"
        )


def remember(kit: Kit) -> Kit:
    """Note where a kit lies, so that an image's label is enough to find it again."""
    note = _notes() / str(kit.id.kit)
    text = f"{kit.root.resolve()}\n"
    try:
        if not note.is_file() or note.read_text() != text:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(text)
    except (
        OSError
    ) as error:  # a store on a read-only or full disk: the kit was named, so nothing depends on it
        log.debug("no note of the kit: %s", error)
    return kit


def _used_before(digest: str, ref: str, recorded: str | None) -> Kit:
    note = _notes() / digest
    places = [Path(text) for text in (recorded, note.read_text().strip() if note.is_file() else None) if text]
    for place in places:
        if (place / "kit.yml").is_file():
            kit = Kit.open(place)
            if kit.id.kit == digest:
                return kit
    seen = f" (last seen at {places[0]})" if places else ""
    raise UsageError(
        f"{ref} was made from the kit {digest[:12]}, which is not at hand{seen}",
        fix=f"name a kit with --kit DIR, or use the committed locks with --kit {UPSTREAM}",
    )


def _notes() -> Path:
    return default_root() / "kits"
