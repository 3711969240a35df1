"""The content-addressed store: every file lies under its sha256, whole and checked, or it is not there."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.network.cache import default_root as default_root  # noqa: PLC0414  (the store lies there)

CHUNK = 1 << 20
LOCK_POLL_SECONDS = 0.1
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
SHA256 = re.compile(r"[0-9a-f]{64}")


def trouble(error: OSError, path: Path) -> BuildError:
    """What an operating system's refusal below the store means, and what to do about it."""
    what = (
        "no space left for downloads" if error.errno in FULL else f"cannot write: {error.strerror or error}"
    )
    fix = "set IMGBUILD_CACHE to a directory that you can write, with room for the packages"
    return BuildError(what, where=str(error.filename or path), fix=fix)


def hash_file(path: Path, tick: Callable[[int], None] = lambda _count: None) -> tuple[str, int]:
    """Hex sha256 and size in bytes of a file; tick is told the bytes of every piece read."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            digest.update(piece)
            size += len(piece)
            tick(len(piece))
    return digest.hexdigest(), size


class Mismatch(BuildError):  # noqa: N818  (says what happened, as its parents do)
    """Bytes that are not what the lock names. whole: they came in one piece, and surely all."""

    whole: bool = True


def mismatch(file: LockedFile, got_sha256: str, got_size: int, *, place: str, fix: str) -> Mismatch:
    """The error for bytes that are not the locked ones: file, place, both hashes."""
    sizes = f", size expected {file.size}, got {got_size}" if file.size not in {None, got_size} else ""
    what = (
        f"{file.filename} is not what the lock names: sha256 expected {file.sha256}, got {got_sha256}{sizes}"
    )
    return Mismatch(what, where=place, fix=fix)


def same(file: LockedFile, sha256: str, size: int) -> bool:
    """Whether these are the locked bytes."""
    return sha256 == file.sha256 and file.size in {None, size}


@dataclass
class Partial:
    """A download under way, held by this process alone: append to `stream`, or restart it."""

    path: Path
    stream: BinaryIO
    size: int = 0
    whole: bool = True  # it came in one piece, as far as the server says
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def resume(self, tick: Callable[[int], None]) -> None:
        """Take over what an earlier attempt left."""
        self._digest, self.size = hashlib.sha256(), 0
        self.stream.seek(0)
        while piece := self.stream.read(CHUNK):
            self._digest.update(piece)
            self.size += len(piece)
            tick(len(piece))
        self.whole = self.size == 0

    def restart(self) -> None:
        """Forget all that was received."""
        self.stream.seek(0)
        self.stream.truncate()
        self._digest, self.size, self.whole = hashlib.sha256(), 0, True

    def write(self, piece: bytes) -> None:
        """Append bytes. Raises OSError when the disk does not take them."""
        self.stream.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    @property
    def sha256(self) -> str:
        """Hex sha256 of all that is there."""
        return self._digest.hexdigest()


def nearest_folder(path: Path) -> Path:
    """The path, or the nearest folder above it that is there: on whose disk it will lie. path is absolute."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


class Store:
    """Files by sha256 below `root`: `sha256/ab/abcd...`, and `partial/` for downloads under way."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where a file with this hex sha256 lies when it is there."""
        if not SHA256.fullmatch(sha256):
            raise BuildError(
                f"not a sha256: {sha256!r}", where="lock", fix="make the lock again: imgbuild lock"
            )
        return self.root / "sha256" / sha256[:2] / sha256

    def find(self, file: LockedFile) -> Path | None:
        """The file when the store holds it, checked when it came in; a wrong size counts as absent."""
        path = self.path(file.sha256)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise trouble(error, path) from error
        return path if file.size in {None, size} else None

    @contextmanager
    def partial(self, file: LockedFile, wait: Callable[[float], None]) -> Iterator[Partial | None]:
        """Hold the file's `.part` alone; None when another process finished the file meanwhile.

        wait is called with seconds while another process holds it, and may raise to give up.
        """
        path = self.root / "partial" / f"{file.sha256}.part"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = open_locked(path, wait)
        except OSError as error:
            raise trouble(error, path) from error
        with stream:
            yield None if self.find(file) else Partial(path, stream)
            if self.find(file):
                path.unlink(missing_ok=True)

    def keep(self, file: LockedFile, partial: Partial, *, place: str) -> Path:
        """Check a finished download and move it to its place, read-only; else remove it: Mismatch."""
        if not same(file, partial.sha256, partial.size):
            fix = "try again; if it stays so, it was changed upstream: make the lock again and read its diff"
            refusal = mismatch(file, partial.sha256, partial.size, place=place, fix=fix)
            refusal.whole = partial.whole
            partial.restart()
            partial.path.unlink(missing_ok=True)
            raise refusal
        final = self.path(file.sha256)
        try:
            partial.stream.flush()
            os.fsync(partial.stream.fileno())
            os.fchmod(partial.stream.fileno(), 0o444)
            final.parent.mkdir(parents=True, exist_ok=True)
            partial.path.replace(final)
        except OSError as error:
            raise trouble(error, final) from error
        return final


def open_locked(path: Path, wait: Callable[[float], None]) -> BinaryIO:
    """Open for reading and appending, and lock; once more when the file was moved away while we waited.

    The lock ends with the stream, or with this process. wait is called with seconds while another process holds
    it, and may raise to give up. Raises OSError when the file cannot be made.
    """
    while True:
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")
        try:
            _lock(stream, wait)
            if _still_there(path, stream):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()


def _lock(stream: BinaryIO, wait: Callable[[float], None]) -> None:
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # noqa: PERF203  (it waits on purpose)
            wait(LOCK_POLL_SECONDS)
        else:
            return


def _still_there(path: Path, stream: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False
