"""A folder that stands for `/` of an image, with no more in it than an audit, or whoever else asks, reads."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from builder.errors import BuildError
from builder.store.cache import FULL, default_root
from builder.store.turns import turn

_TEXT = re.compile(
    r"/conda-meta/[^/]+\.json$|\.(?:dist|egg)-info/RECORD$|-packages/torch/version\.py$|^/etc/ld\.so\.conf(?:$|\.d/)"
)
_HEAD = 64
_LOCK = ".imgbuild-lock"


def compiled(path: str, head: bytes) -> bool:
    """Whether an audit reads a file, by its first bytes: it is ELF, or says whose files are whose."""
    return head.startswith(b"\x7fELF") or _TEXT.search(path) is not None


class Sink:
    """Takes files one by one, in any order. Links are made at the end, so that no file is written through one.

    wanted: whether a file is taken, by its path and its first bytes.
    """

    def __init__(self, root: Path, wanted: Callable[[str, bytes], bool] = compiled) -> None:
        self.root = root
        self._wanted = wanted
        self._links: dict[str, str] = {}

    def file(self, path: str, content: IO[bytes]) -> None:
        """Take a regular file if it is wanted."""
        head = content.read(_HEAD)
        if not self._wanted(path, head):
            return
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            out.write(head)
            shutil.copyfileobj(content, out, 1 << 20)

    def text(self, path: str, content: bytes) -> None:
        """Write a file of our own."""
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def link(self, path: str, leads: str) -> None:
        """Take a symbolic link."""
        self._links[path] = leads

    def same(self, path: str, other: str) -> None:
        """Take a hard link to a file that came before, if that was taken."""
        source, place = self._place(other), self._place(path)
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            os.link(source, place)

    def finish(self) -> None:
        """Make the links whose folder is there and whose name is free."""
        for path, leads in sorted(self._links.items()):
            place = self._place(path)
            if ".so" in place.name or not Path(leads).suffix:
                place.parent.mkdir(parents=True, exist_ok=True)
            if place.parent.is_dir() and not place.exists() and not place.is_symlink():
                place.symlink_to(leads)

    def _place(self, path: str) -> Path:
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if ".." in parts or "\0" in path:
            raise BuildError(f"a file of the image has a name that leads out of it: {path!r}", where=path)
        return self.root.joinpath(*parts)


def _held(folder: Path) -> IO[bytes]:
    """Hold a folder while this process lives, or until the file is closed. Raises BlockingIOError."""
    file = (folder / _LOCK).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _sweep(home: Path) -> None:
    for folder in home.glob("read-*"):
        try:
            _held(folder).close()
        except BlockingIOError:  # another command reads there
            continue
        shutil.rmtree(folder)


@contextmanager
def sink(wanted: Callable[[str, bytes], bool] = compiled) -> Iterator[Sink]:
    """One below the store, where there is room; removed in any case. Raises BuildError where the disk is full.

    What killed commands left behind goes as well: nobody holds it any more.
    """
    home = default_root() / "audit"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with turn(default_root(), "audit: what was left behind"):
            _sweep(home)
            folder = Path(tempfile.mkdtemp(dir=home, prefix="read-"))
            held = _held(folder)
        try:
            yield Sink(folder, wanted)
        finally:
            shutil.rmtree(folder)
            held.close()
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise BuildError(
            "no space left for the files of the image that are unpacked",
            where=str(home),
            fix="free some, or set IMGBUILD_CACHE to a directory with room: about the size of the environment",
        ) from error
