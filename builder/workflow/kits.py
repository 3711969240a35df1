"""`imgbuild kit create`: from a source to a directory that holds all of what a set of images needs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.engine.port import Engine, ImageInfo
from builder.errors import UsageError
from builder.lock.model import LockedBase
from builder.lock.source import Source
from builder.lock.terms import needs_terms
from builder.progress import Note, Observer, StepAdvanced
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.store.archive import normalise
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.store.kit import Kit
from builder.store.kitdir import asked_for, beside, check_room, kit_turn, present
from builder.store.kitwriter import Part, Writer, check_complete, locks_of
from builder.userpath import user_path
from builder.workflow.locking import current_lock
from builder.workflow.platforms import platform_for
from builder.workflow.sources import NOTHING, Asked, choose
from builder.workflow.supply import bring_base, step

_COPY = "kit:copy"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command's options say. kit: a kit to take the images from, in place of the upstreams."""

    kit: str | None = None
    platform: Platform | None = None
    locked: bool = False
    asked: Asked = NOTHING


def create_kit(
    project: Project,
    refs: Sequence[str],
    directory: Path,
    options: Options,
    connect: Callable[[], Engine],
    observer: Observer,
) -> Kit:
    """Collect a kit for these images in `directory`, or return the one there when it is the same and whole.

    connect: the engine, asked for when a base has to come from a registry. Nothing is left behind when it fails.
    Raises UsageError when something else is there or the images have different sources, LockError for a missing or
    stale lock, BuildError for what cannot be fetched, saved or written.
    """
    directory = user_path(directory).absolute()
    specs = [load_image(project, ref) for ref in refs]
    source = _one_source(project, specs, options)
    parts = [_part(spec, source, options, observer) for spec in specs]
    with kit_turn(directory, observer):
        images = {part.spec.ref: asked_for(part.spec) for part in parts}
        here = present(directory, images, observer, locks_of(parts))
        if here is None:
            _tell_terms(parts, source, observer)
            _collect(directory, parts, source, connect, observer)
    return Kit.open(directory)


def _one_source(project: Project, specs: Sequence[ImageSpec], options: Options) -> Source:
    """The source of all the images: a kit stands in for everything, so it is of one kind."""
    found = {spec.ref: choose(project, spec.ref, options.kit, asked=options.asked) for spec in specs}
    labels = {ref: source.id.label for ref, source in found.items()}
    if len(set(labels.values())) > 1:
        told = ", ".join(f"{ref} from {label[:16]}" for ref, label in labels.items())
        fix = "name one with --kit DIR, take the upstreams with --kit none, or make a kit for each"
        raise UsageError(f"the images come from different sources: {told}", fix=fix)
    return next(iter(found.values()))


def _part(spec: ImageSpec, source: Source, options: Options, observer: Observer) -> Part:
    platform = platform_for(spec, options.platform)
    return Part(spec, current_lock(spec, platform, source, locked=options.locked, observer=observer))


def _tell_terms(parts: Sequence[Part], source: Source, observer: Observer) -> None:
    """A kit is passed on, and what is Anaconda's in it with it; that the terms are accepted was checked before."""
    files = {file.sha256: file for part in parts for file in part.lock.files}.values()
    governed = [
        file.filename for file in files if needs_terms(file.url) or needs_terms(source.address(file.url))
    ]
    if governed:
        more = f" and {len(governed) - 1} more" if len(governed) > 1 else ""
        what = f"{governed[0]}{more}: Anaconda's terms of service hold for them wherever the kit is taken"
        observer(Note(what))


def _collect(
    directory: Path, parts: Sequence[Part], source: Source, connect: Callable[[], Engine], observer: Observer
) -> None:
    files = {file.sha256: file for part in parts for file in part.lock.files}
    store = Store(default_root())
    total = sum(file.size or 0 for file in files.values())
    missing = sum(
        file.size or 0 for file in files.values() if not source.local(file) and not store.find(file)
    )
    check_room(directory, total, store, missing)
    with beside(directory) as folder:
        bases = _pulled(parts, source, connect, observer)
        check_room(directory, total + 2 * sum(image.size for _, image in bases.values()), store, missing)
        paths = fetch(files.values(), source, store, observer)

        def save(base: LockedBase, target: Path) -> str:
            return _save(*bases[base.ref], base, target, observer)

        done = 0

        def tick(count: int) -> None:
            nonlocal done
            done += count
            observer(StepAdvanced(_COPY, done, total or None, "bytes"))

        with step(observer, "kit", _COPY, f"Lay out {len(files)} files, bases and locks"):
            origin = source if isinstance(source, Kit) else None
            check_complete(Writer(folder, parts, origin, save, tick).write(paths), parts)


def _pulled(
    parts: Sequence[Part], source: Source, connect: Callable[[], Engine], observer: Observer
) -> dict[str, tuple[Engine, ImageInfo]]:
    """The registries' bases, in the engine; by their reference. A base that a kit brings needs no engine."""
    wanted = {part.lock.base.ref: part.lock.platform for part in parts if part.lock.base.tar is None}
    engine = connect() if wanted else None
    found = {}
    for ref, platform in wanted.items():
        if engine is None:
            raise AssertionError("an engine was asked for")
        if "@" not in ref:
            observer(
                Note(f"{ref}: its lock names the tag and not its digest, so the kit holds what it is now")
            )
        base = next(part.lock.base for part in parts if part.lock.base.ref == ref)
        here = bring_base(base, platform, source, engine, observer, pull=False)
        found[ref] = engine, here
    return found


def _save(engine: Engine, image: ImageInfo, base: LockedBase, target: Path, observer: Observer) -> str:
    """The image as an archive in the one spelling."""
    key, done = f"kit:base:{base.ref}", 0
    with (
        step(observer, "kit", key, f"Save the base {base.ref}"),
        tempfile.TemporaryFile(dir=target.parent) as spool,
    ):
        for piece in engine.save(image.id):
            spool.write(piece)
            done += len(piece)
            observer(StepAdvanced(key, done, image.size or None, "bytes"))
        spool.seek(0)
        return normalise(spool, target, where=base.ref)
