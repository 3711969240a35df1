"""`imgbuild clean`: what builds have left behind and no image defined here needs, and taking it away."""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from builder.engine.port import Engine
from builder.errors import BuildError, ImgbuildError, UsageError
from builder.lock.files import read_lock
from builder.lock.model import LockSet
from builder.plan import group_packages
from builder.spec.load import survey
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.store.cache import SHA256, default_root
from builder.values import Value
from builder.workflow import records
from builder.workflow.sources import choose
from builder.workflow.supply import LABEL

Kind = Literal["packages", "bases", "unproven", "store", "downloads", "records", "build-cache", "caches"]
KINDS: dict[Kind, str] = {
    "packages": "package images in the engine",
    "bases": "bases that kits brought into the engine",
    "unproven": "images that were built and not proven",
    "store": "downloaded packages",
    "downloads": "downloads that were broken off",
    "records": "records of images that are not defined any more",
    "build-cache": "the engine's build cache, of all builds",
    "caches": "volumes with the caches of users (`run`, `shell`)",
}

log = logging.getLogger(__name__)


class Leftover(Value):
    """One thing that can go. name: an image's, a file's path, a folder. bytes: what that frees, at most."""

    kind: Kind
    name: str
    bytes: int


@dataclass
class Needed:
    """What the images defined here would use: names of images in the engine, sha256 of files. unknown: images and files
    of which nobody knows, with the reason."""

    refs: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)


class Found(NamedTuple):
    """What can go; and of which images nobody knows what they need, each with the reason."""

    leftovers: tuple[Leftover, ...]
    unknown: tuple[tuple[str, str], ...] = ()


def leftovers(
    project: Project,
    engine: Engine,
    *,
    everything: bool = False,
    build_cache: bool = False,
    caches: bool = False,
) -> Found:
    """What can go, by kind and name.

    everything: also what images defined here would use again: the next build fetches or imports it. build_cache: the
    engine's too, which is not imgbuild's alone. caches: the volumes of `run` and `shell`, which hold what people
    fetched in them. Where an image of the project cannot be read, nobody knows what it
    needs, and packages, bases and the store stay. Raises EngineError when the engine goes away.
    """
    needed = Needed() if everything else needs(project)
    known = not needed.unknown
    found = [
        *_images(engine, needed, caches=known),
        *_files(default_root(), needed, caches=known),
        *_records(project),
    ]
    if build_cache:
        size = engine.build_cache()
        found += [Leftover(kind="build-cache", name="build cache", bytes=size)] if size else []
    if caches:
        found += [
            Leftover(kind="caches", name=name, bytes=size) for name, size in engine.cache_volumes().items()
        ]
    order = list(KINDS)
    return Found(
        tuple(sorted(found, key=lambda one: (order.index(one.kind), one.name))), tuple(needed.unknown.items())
    )


def reclaimable(project: Project, engine: Engine) -> int:
    """Bytes that a plain `imgbuild clean` would free; 0 where nobody can tell."""
    try:
        return sum(one.bytes for one in leftovers(project, engine).leftovers)
    except ImgbuildError as error:  # this stands in another error's advice
        log.debug("not known what can go: %s", error)
        return 0


def remove(engine: Engine, found: Iterable[Leftover]) -> Iterator[tuple[Leftover, str]]:
    """Take each away, and tell it with why it stays, or nothing.

    Raises UsageError while another imgbuild is at work, also when it begins meanwhile, EngineError when the engine
    goes away; what went before stays away.
    """
    for one in found:
        _alone()
        try:
            _take(engine, one)
        except BuildError as error:  # a container uses it
            yield one, error.what
        except FileNotFoundError:  # it went meanwhile
            yield one, ""
        except OSError as error:
            yield one, f"cannot be removed: {error.strerror or error}"
        else:
            yield one, ""


def _take(engine: Engine, one: Leftover) -> None:
    if one.kind in {"packages", "bases", "unproven"}:
        engine.remove(one.name)
    elif one.kind == "build-cache":
        engine.prune_build_cache()
    elif one.kind == "caches":
        engine.remove_volume(one.name)
    elif one.kind == "records":
        shutil.rmtree(one.name)
    else:
        Path(one.name).unlink(missing_ok=True)


def needs(project: Project) -> Needed:
    """What every image of the project would use, on all its platforms and from the source it would be made from."""
    needed = Needed()
    seen = survey(project)
    for problem in seen.problems:
        if not problem.warning:
            needed.unknown.setdefault(problem.file, problem.what)
    for spec in seen.specs:
        try:
            locks = list(_locks(project, spec))
        except ImgbuildError as error:
            needed.unknown[spec.ref] = error.what
            continue
        for lock in locks:
            needed.refs |= {lock.base.ref, *(group.ref for group in group_packages(lock))}
            needed.files |= {file.sha256 for file in lock.files}
    return needed


def _locks(project: Project, spec: ImageSpec) -> Iterator[LockSet]:
    source = choose(project, spec.ref, None)
    for platform in spec.platforms:
        lock = read_lock(spec, platform, source.lock_folder(spec), missing_ok=True)
        if lock is not None:
            yield lock


def _images(engine: Engine, needed: Needed, *, caches: bool) -> Iterator[Leftover]:
    kinds: tuple[tuple[Kind, str], ...] = (("packages", "pkg"), ("bases", "base"))
    for kind, label in kinds if caches else ():
        for image in engine.find_by_label({f"{LABEL}.kind": label}):
            for tag in image.tags:
                if tag.startswith("imgbuild/") and tag not in needed.refs:
                    yield Leftover(kind=kind, name=tag, bytes=image.size)
    for image in engine.find_by_label({f"{LABEL}.kind": "image"}):
        unproven = [tag for tag in image.tags if tag.endswith("unproven")]
        if unproven and len(unproven) == len(image.tags):  # not one that has its name as well
            yield from (Leftover(kind="unproven", name=tag, bytes=_own(image.layers)) for tag in unproven)


def _own(layers: tuple[tuple[str, int], ...]) -> int:
    """The layers above the base."""
    return sum(size for made_by, size in layers if made_by)


def _files(root: Path, needed: Needed, *, caches: bool) -> Iterator[Leftover]:
    for path in sorted((root / "sha256").glob("*/*")) if caches else ():
        if SHA256.fullmatch(path.name) and path.name not in needed.files:
            yield Leftover(kind="store", name=str(path), bytes=_size(path))
    for path in sorted((root / "partial").glob("*.part")):
        if not _held(path):
            yield Leftover(kind="downloads", name=str(path), bytes=_size(path))


def _size(path: Path) -> int:
    """Bytes; 0 of what went meanwhile, or leads nowhere."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _records(project: Project) -> Iterator[Leftover]:
    """Only a project's own folder: below the store lie those of every project that uses the shipped definitions."""
    folder = project.root / ".imgbuild"
    known = survey(project)
    if known.problems or not folder.is_dir() or records.folder(project, "x").parent != folder:
        return
    names = {spec.ref for spec in known.specs}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in names and (path / "record.json").is_file():
            size = sum(_size(file) for file in path.rglob("*") if file.is_file())
            yield Leftover(kind="records", name=str(path), bytes=size)


def _alone() -> None:
    """Nobody else builds on this machine. Raises UsageError."""
    if any(_held(path) for path in sorted((default_root() / "turns").glob("*"))):
        raise UsageError(
            "another imgbuild is at work on this machine", fix="run `imgbuild clean` when it has ended"
        )


def _held(path: Path) -> bool:
    """Whether a process holds this file locked."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it went away meanwhile
        return False
    return False
