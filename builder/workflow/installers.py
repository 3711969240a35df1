"""The installer that the user gave: compared with its sha256 before anything is locked, and kept in the store."""

from __future__ import annotations

from dataclasses import replace

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.progress import Note, Observer
from builder.store.cache import CHUNK, Mismatch, Store, default_root, trouble
from builder.store.fetch import fetch
from builder.store.given import GivenInstaller
from builder.store.upstream import Upstream


def bring_installer(given: GivenInstaller, source: Upstream, observer: Observer) -> GivenInstaller:
    """The installer with its place on this machine.

    Raises BuildError with both hashes when it is not what `--installer-sha256` says. A file is copied into the
    store, so that later builds need no option; where that cannot be, the observer is told.
    """
    file = LockedFile(url=source.canonical(given.url), sha256=given.sha256)
    store = Store(default_root())
    try:
        path = fetch([file], source, store, observer)[file.sha256]
    except Mismatch as error:
        fix = "compare --installer-sha256 with what the vendor names; nothing was locked"
        raise BuildError(
            f"the given installer is refused: {error.what}", where=error.where, fix=fix
        ) from error
    if given.path is not None:
        try:
            _keep(file, given, store)
        except BuildError as error:
            observer(Note(f"{file.filename} is not kept ({error.what}): give --installer at every build"))
    return replace(given, path=path)


def _keep(file: LockedFile, given: GivenInstaller, store: Store) -> None:
    if given.path is None or store.find(file) is not None:
        return
    with store.partial(file, _busy) as partial:
        if partial is None:
            return
        partial.restart()
        try:
            with given.path.open("rb") as stream:
                while piece := stream.read(CHUNK):
                    partial.write(piece)
        except OSError as error:
            raise trouble(error, partial.path) from error
        store.keep(file, partial, place=str(given.path))


def _busy(_seconds: float) -> None:
    raise BuildError("another process holds it")
