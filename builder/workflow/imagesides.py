"""An image as a side of a comparison: what it says of itself, and the lock that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from builder.engine.port import Engine
from builder.errors import EngineError, ImgbuildError, LockError, UsageError
from builder.lock.bare import bare_spec
from builder.lock.files import read_locks
from builder.lock.model import LockSet
from builder.smoke.verdict import Verdict
from builder.spec.load import load_image
from builder.spec.project import Project
from builder.verify.compare import ImageFacts, image_facts
from builder.workflow import records
from builder.workflow.platforms import host_platform
from builder.workflow.published import in_registry, lock_beside
from builder.workflow.snapshots import read_snapshot
from builder.workflow.sources import choose
from builder.workflow.subjects import Subject, in_engine
from builder.workflow.supply import LABEL
from builder.workflow.whose import looks_remote

MARK = "image:"
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


def image_side(
    project: Project, text: str, *, kit: str | None, prefix: str
) -> tuple[ImageFacts, LockSet] | None:
    """An image by `image:ENV`, `image:NAME`, or a name that the engine or a registry has; None for what is no image.

    Raises UsageError for an `image:` that is none, LockError where the lock that it was made from is not at hand.
    """
    name = text.removeprefix(MARK)
    asked = name != text
    if not asked and (("/" not in name and not _ID.fullmatch(name)) or Path(name).exists()):
        return None
    engine = _engine()
    subject = _subject(project, name, engine, prefix)
    if subject is None:
        if asked:
            raise UsageError("there is no such image in the engine", where=text, fix="build it, or pull it")
        return None
    ref = subject.config.labels.get(f"{LABEL}.image", "")
    return _facts(project, text, subject, ref), _lock(project, subject, ref, engine, kit)


def _engine() -> Engine | None:
    from builder.engine.connect import connect

    try:
        return connect()
    except EngineError:
        return None


def _subject(project: Project, name: str, engine: Engine | None, prefix: str) -> Subject | None:
    if looks_remote(name):
        return in_registry(name, host_platform(), engine)
    ours = name.partition("@")[0] in project.names()
    tag = load_image(project, name).tag(prefix) if ours else name
    image = engine.find(tag) if engine is not None else None
    return in_engine(engine, image, tag) if engine is not None and image is not None else None


def _facts(project: Project, text: str, subject: Subject, ref: str) -> ImageFacts:
    return image_facts(
        text,
        ids=subject.ids,
        place=subject.place,
        size=subject.size,
        layers=len(subject.diff_ids),
        labels=subject.config.labels,
        verdict=subject.beside or _recorded(project, ref),
    )


def _recorded(project: Project, ref: str) -> Verdict | None:
    record = records.read(project, ref) if _known(project, ref) else None
    return record.verdict if record is not None else None


def _known(project: Project, ref: str) -> bool:
    return ref.partition("@")[0] in project.names()


def _lock(project: Project, subject: Subject, ref: str, engine: Engine | None, kit: str | None) -> LockSet:
    """The lock whose digest the image's label names."""
    wanted = subject.config.labels.get(f"{LABEL}.lock")
    if wanted is None:
        raise LockError(
            "imgbuild has not made it, so no lock says what is in it",
            where=subject.name,
            fix="compare another image",
        )
    for lock in _locks(project, subject, ref, engine, kit):
        if lock.digest == wanted:
            return lock
    raise LockError(
        f"the lock that it was made from ({wanted[:12]}) is not at hand",
        where=subject.name,
        fix="compare it where it was built, name its kit with --kit, or push it: its lock travels with it",
    )


def _locks(
    project: Project, subject: Subject, ref: str, engine: Engine | None, kit: str | None
) -> Iterator[LockSet]:
    """Wherever it may lie: beside the image, kept of the last build, committed, in the kit."""
    if subject.place == "registry" and (beside := lock_beside(subject.name, host_platform(), engine)):
        yield beside
    if not _known(project, ref):
        return
    kept = read_snapshot(project, ref)
    if kept is not None:
        yield kept.lock
    name, _, variant = ref.partition("@")
    folder = project.envs / name
    yield from read_locks(bare_spec(name, variant or None, folder), folder).values()
    try:
        spec = load_image(project, ref)
        source = choose(project, ref, kit, label=subject.config.labels.get(f"{LABEL}.source"))
    except ImgbuildError:  # a kit that is not at hand: its lock is not, either
        return
    yield from read_locks(spec, source.lock_folder(spec)).values()
