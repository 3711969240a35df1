"""A package group as a tar stream: equal files give equal bytes, and every byte is checked on its way."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.store.cache import CHUNK, mismatch
from builder.store.group import PackageGroup

UV_SCRIPT = ".data/scripts/uv"
RESTORE = "remove it (or restore the kit) and run again"


@dataclass(frozen=True)
class Member:
    """One file of a packed group: its name at the top of the image, its mode, its content in pieces."""

    name: str
    mode: int
    size: int
    pieces: Callable[[], Iterator[bytes]]


def pack(group: PackageGroup, paths: Mapping[str, Path]) -> Iterator[bytes]:
    """The tar of a group, in pieces of about 1 MiB: sorted, mtime 0, root-owned.

    paths is by sha256, as fetch returns it. Raises BuildError, possibly in the middle of the stream, when a
    file is missing or not what the lock names: drop what was made of the stream then.
    """
    for member in members(group, paths):
        header = tarfile.TarInfo(member.name)
        header.size, header.mode = member.size, member.mode
        yield header.tobuf(tarfile.PAX_FORMAT)
        yield from member.pieces()
        yield b"\0" * (-member.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def members(group: PackageGroup, paths: Mapping[str, Path]) -> list[Member]:
    """What a group holds, by name. conda groups get the `urls.txt` that conda asks for."""
    if group.kind == "uv":
        return [_uv(file, _place(file, paths)) for file in group.files]
    found = [_plain(member_name(group, file), file, _place(file, paths)) for file in group.files]
    if group.kind == "conda":
        found.append(_text("urls.txt", "".join(f"{file.url}\n" for file in group.files)))
    return sorted(found, key=lambda member: member.name)


def member_name(group: PackageGroup, file: LockedFile) -> str:
    """A file's name inside the group. Wheels need their real name, and URLs may spell `+` as %2B."""
    return unquote(file.filename) if group.kind == "pip" else file.filename


def _place(file: LockedFile, paths: Mapping[str, Path]) -> Path:
    if file.sha256 not in paths:
        raise BuildError(
            f"{file.filename} was not fetched", where=file.url, fix="run again: it is fetched first"
        )
    return paths[file.sha256]


def _plain(name: str, file: LockedFile, path: Path) -> Member:
    return Member(name, 0o644, _size(file, path), lambda: checked(file, path))


def _text(name: str, text: str) -> Member:
    content = text.encode()
    return Member(name, 0o644, len(content), lambda: iter((content,)))


def _size(file: LockedFile, path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(file, path) from error


def checked(file: LockedFile, path: Path) -> Iterator[bytes]:
    """A file's bytes in pieces; raises BuildError when they are not the locked ones.

    The last MiB and more is held back until the hash is known: whoever takes a tar as whole when its end mark
    comes never sees that of a wrong one.
    """
    digest, size = hashlib.sha256(), 0
    expected = _size(file, path)
    held: deque[bytes] = deque()
    for piece in _pieces(file, path):
        digest.update(piece)
        size += len(piece)
        if size > expected:  # it grows while we read: more would break the frame around it
            break
        held.append(piece)
        if len(held) > 2:
            yield held.popleft()
    if digest.hexdigest() != file.sha256 or size != expected:
        raise mismatch(file, digest.hexdigest(), size, place=str(path), fix=RESTORE)
    yield from held


def _pieces(file: LockedFile, path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except OSError as error:
        raise _unreadable(file, path) from error


def _unreadable(file: LockedFile, path: Path) -> BuildError:
    return BuildError(f"{file.filename} cannot be read", where=str(path), fix=RESTORE)


def _uv(file: LockedFile, path: Path) -> Member:
    """The program out of its wheel. The wheel is checked as a whole before anything of it is used."""
    for _piece in checked(file, path):
        pass
    try:
        with zipfile.ZipFile(path) as wheel:
            inside = next((info for info in wheel.infolist() if info.filename.endswith(UV_SCRIPT)), None)
    except zipfile.BadZipFile as error:
        raise BuildError(
            f"{file.filename} is not a wheel", where=str(path), fix="make the lock again"
        ) from error
    if inside is None:
        raise BuildError(
            f"{file.filename} holds no program uv", where=str(path), fix="lock a Linux wheel of uv"
        )
    return Member("uv", 0o755, inside.file_size, lambda: _unzip(file, path, inside.filename))


def _unzip(file: LockedFile, path: Path, name: str) -> Iterator[bytes]:
    """The program's bytes, and then the wheel's hash once more: it may have been altered since it was checked."""
    try:
        with zipfile.ZipFile(path) as wheel, wheel.open(name) as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        what = f"{file.filename} was altered while it was read"
        raise BuildError(what, where=str(path), fix=RESTORE) from error
    for _piece in checked(file, path):
        pass
