"""The directory of a kit: what is there already, and how a new one comes to its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from builder.errors import BuildError, UsageError
from builder.progress import Note, Observer
from builder.spec.model import ImageSpec
from builder.store.cache import Store, default_root, nearest_folder
from builder.store.kit import Kit
from builder.store.kitfile import NAME
from builder.store.turns import turn
from builder.values import digest_of


def asked_for(spec: ImageSpec) -> str:
    """Digest of what a spec asks of a kit: the same one is answered by the same kit."""
    wanted = [[one.name, one.channels, one.conda, one.pip] for one in spec.environments]
    installer = spec.installer.model_dump() if spec.installer else None
    said = [wanted, spec.base.model_dump(mode="json"), installer, spec.cuda]
    variables = [one.variables for one in spec.environments]
    # What came later stands there only where it says something, so that earlier kits still answer.
    more: list[object] = [sorted(spec.apt)] if spec.apt else []
    more += [["variables", *variables]] if any(variables) else []
    return digest_of([*said, *more])


def present(
    directory: Path, images: Mapping[str, str], observer: Observer, locks: Mapping[str, str] | None = None
) -> Kit | None:
    """The kit that is there, when it is whole and for these images and locks; None where there is nothing.

    images: ref to `asked_for`; locks: ref to the digest of the lock that was collected. Raises UsageError for
    anything else that is there.
    """
    if directory.is_symlink():
        raise UsageError(
            "is a symbolic link, and a kit is moved to its place", where=str(directory), fix="name its target"
        )
    if directory.is_mount():
        what = "is a mount point, and a kit is made beside its place and moved there"
        raise UsageError(
            what, where=str(directory), fix=f"name a directory in it, such as {directory / 'kit'}"
        )
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return None
    if not (directory / NAME).is_file():
        raise UsageError(
            "exists already and is not a kit", where=str(directory), fix="name another directory"
        )
    kit = Kit.open(directory)
    remove = "remove it to make it anew, or name another directory"
    held, locks = kit.manifest, locks or {}
    others = [
        ref
        for ref, asked in images.items()
        if held.images.get(ref) != asked or held.locks.get(ref) != locks.get(ref)
    ]
    if others:
        what = f"exists already, and was made for other definitions or locks than {', '.join(others)}"
        raise UsageError(what, where=str(directory), fix=remove)
    faults = kit.check()
    if faults:
        what = f"exists already, and is damaged: {faults[0]}"
        raise UsageError(what, where=str(directory), fix=remove, detail="\n".join(faults))
    observer(Note(f"{directory}: exists already and is whole, nothing to do"))
    return kit


def kit_turn(directory: Path, observer: Observer) -> AbstractContextManager[None]:
    """Alone with this place among the processes that make kits."""

    def waiting() -> None:
        observer(Note(f"another imgbuild makes {directory}: waiting for it"))

    return turn(default_root(), f"kit {directory}", waiting)


@contextmanager
def beside(directory: Path) -> Iterator[Path]:
    """A fresh folder beside it, `.DIR.imgbuild-partial`, that becomes `directory` at the end, or goes."""
    partial = directory.with_name(f".{directory.name}.imgbuild-partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.replace(directory)
    except OSError as error:
        what, where = f"cannot write: {error.strerror}", str(error.filename or directory)
        fix = "name a directory that you can write, on a disk with room"
        raise BuildError(what, where=where, fix=fix) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_room(directory: Path, needed: int, store: Store, missing: int) -> None:
    """Raise BuildError when the disk has not `needed` bytes free for the kit.

    missing: bytes that the store takes before; they count where it is on the same disk.
    """
    place, stored = nearest_folder(directory.absolute().parent), nearest_folder(store.root.absolute())
    if place.stat().st_dev == stored.stat().st_dev:
        needed += missing
    free = shutil.disk_usage(place).free
    if free < needed:
        what = f"the kit needs {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free"
        raise BuildError(
            what, where=str(directory), fix="free some space, or name a directory on a larger disk"
        )
