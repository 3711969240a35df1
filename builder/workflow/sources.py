"""Which source an image is made from: a kit named by the user, else the one it was made from last, else upstream."""

from __future__ import annotations

import os
from pathlib import Path

from builder.errors import UsageError
from builder.lock.source import Source
from builder.spec.project import Project
from builder.store.cache import default_root
from builder.store.kit import Kit
from builder.store.upstream import Upstream
from builder.workflow import records

UPSTREAM = "none"  # `--kit none`: the committed locks and the real channels, whatever was used before


def choose(project: Project, ref: str, kit: str | None, *, label: str | None = None) -> Source:
    """The source for one image.

    kit is the option's value; after it come IMGBUILD_KIT, the image's label (from the engine, where it was
    asked), and the image's record. Raises UsageError when the kit that was used last is not where it was.
    """
    named = kit or os.environ.get("IMGBUILD_KIT")
    if named == UPSTREAM:
        return Upstream()
    if named:
        return remember(Kit.open(Path(named)))
    record = records.read(project, ref)
    used = label or (record.source if record else "upstream")
    if not used.startswith("kit:"):
        return Upstream()
    return _used_before(used.removeprefix("kit:"), ref, record.kit if record else None)


def remember(kit: Kit) -> Kit:
    """Note where a kit lies, so that an image's label is enough to find it again."""
    note = _notes() / str(kit.id.kit)
    text = f"{kit.root.resolve()}\n"
    if not note.is_file() or note.read_text() != text:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(text)
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
