"""Files going into and coming out of a container's volume, as tar archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from builder.errors import BuildError

MOST = 64 << 20  # bytes of one archive that comes out
MOST_ENTRIES = 10_000  # files, directories and others in it


def pack(files: Mapping[str, bytes], *, writable: Sequence[str], uid: int) -> bytes:
    """A tar with these files, root-owned and read-only, and directories that `uid` may write.

    Raises ValueError for a path that leaves the volume.
    """
    buffer = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in writable:
            _add_parents(tar, name, made)
            tar.addfile(_directory(name, uid=uid))
            made.add(name)
        for name, data in files.items():
            _add_parents(tar, name, made)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o444
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _add_parents(tar: tarfile.TarFile, name: str, made: set[str]) -> None:
    if not safe_name(name):
        raise ValueError(f"not a path below the volume: {name!r}")
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        if str(parent) not in made:
            made.add(str(parent))
            tar.addfile(_directory(str(parent), uid=0))


def _directory(name: str, *, uid: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid = tarfile.DIRTYPE, 0o755, uid
    return entry


def safe_name(name: str) -> bool:
    """Whether a relative path stays where it is put, and can be written to any file system and terminal."""
    parts = name.split("/")
    return bool(name) and name.isprintable() and not {"", ".", ".."} & set(parts) and "\\" not in name


def unpack(chunks: Iterable[bytes], where: str) -> dict[str, bytes]:
    """The regular files of an archive whose entries all begin with one directory's (or file's) own name.

    What a test leaves behind is not trusted: links, devices, pipes and names that leave the directory are
    left out. Raises BuildError for over 64 MiB, over 10,000 entries, or an archive that is damaged.
    """
    source = _Counted(chunks, where)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:  # a stream: read once, never held as a whole
            for number, entry in enumerate(tar, 1):
                if number > MOST_ENTRIES:
                    raise _too_much(f"{MOST_ENTRIES} files", where)
                # It would keep a note of each, however many there are and however long their names.
                tar.members = []  # type: ignore[attr-defined]
                name = _inner(entry.name)
                if entry.isreg() and safe_name(name):
                    found[name] = _content(tar, entry)
    except (tarfile.TarError, EOFError) as error:
        raise BuildError(f"the files cannot be read: {error}", where=where) from error
    return found


def _too_much(what: str, where: str) -> BuildError:
    return BuildError(
        f"over {what} would come out", where=where, fix="write less, or keep it inside the container"
    )


def over_limit(chunks: Iterable[bytes]) -> bool:
    """Whether an archive has more bytes than may come out; no more than those are read."""
    size = 0
    return any((size := size + len(chunk)) > MOST for chunk in chunks)


# Go's os.FileMode, in which the engine tells what a path is, and the words for it.
_KINDS = {
    1 << 31: "a directory",
    1 << 27: "a symbolic link",
    1 << 26: "a device",
    1 << 25: "a pipe",
    1 << 24: "a socket",
    1 << 21: "a device",
    1 << 19: "something unknown",
}


def kind_of(mode: int) -> str:
    """What the engine's mode of a path says that it is."""
    return next((word for bit, word in _KINDS.items() if mode & bit), "a regular file")


def _inner(name: str) -> str:
    """`out/plots/a.png` in the archive of `out` is `plots/a.png`; the archive of one file holds just that."""
    top, _, rest = name.removeprefix("./").partition("/")
    return rest or top


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    handle = tar.extractfile(entry)
    return b"" if handle is None else handle.read()


class _Counted(io.RawIOBase):
    """A file object over chunks, which refuses to give more than MOST bytes."""

    def __init__(self, chunks: Iterable[bytes], where: str) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._where = where
        self._rest = b""
        self._given = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer than size only at the end."""
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._given += len(chunk)
            if self._given > MOST:
                raise _too_much(f"{MOST >> 20} MiB of files", self._where)
            self._rest += chunk
        end = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:end], self._rest[end:]
        return data
