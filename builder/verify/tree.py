"""What an image holds: its layers read as streams, one over the other, each file by its sha256. None of it is run."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Literal, NamedTuple, TypeAlias

from builder.errors import BuildError

CHUNK = 1 << 20
MOST_ENTRIES = 5_000_000  # of one layer
KEPT_MOST = (
    32 << 20
)  # bytes of one file whose content is kept; the longest records of conda have some megabytes
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_FAULTS = (tarfile.TarError, EOFError, ValueError, OSError)

Kind: TypeAlias = Literal["file", "link", "folder", "other"]


class Entry(NamedTuple):
    """One path of an image. sha256: of a file's content; target: of a symbolic link; layer: the layer that holds it,
    counted from 0; rights: names of extended attributes that give rights (`security.capability`)."""

    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    sha256: str = ""
    target: str = ""
    layer: int = 0
    rights: tuple[str, ...] = ()


@dataclass
class Layer:
    """One layer. diff_id: `sha256:...` of its own bytes, unpacked. gone: what it takes away of the layers below;
    emptied: folders of which it takes away all. kept: contents that were asked for."""

    diff_id: str
    entries: dict[str, Entry] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)
    kept: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Tree:
    """Layers over each other. Paths begin with `/`."""

    entries: Mapping[str, Entry]
    kept: Mapping[str, bytes]


class Hashing(io.RawIOBase):
    """A stream that is hashed while it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer, as io wants it."""
        data = self._source.read(len(buffer))
        self.digest.update(data)
        buffer[: len(data)] = data
        return len(data)


def read_layer(stream: IO[bytes], keep: Callable[[str], bool], where: str) -> Layer:
    """A layer from its unpacked tar. keep: of which paths the content is kept as well.

    Raises BuildError for what is no layer.
    """
    hashing = Hashing(stream)
    layer = Layer("")
    try:
        buffered = io.BufferedReader(hashing, CHUNK)
        with tarfile.open(fileobj=buffered, mode="r|", errorlevel=2) as tar:
            for number, member in enumerate(tar):
                tar.members = []  # type: ignore[attr-defined]  # it would keep a note of each
                if number >= MOST_ENTRIES:
                    raise ValueError(f"it has over {MOST_ENTRIES} entries")
                _take(tar, member, layer, keep)
        while buffered.read(CHUNK):  # what stands behind its end belongs to its hash
            pass
    except _FAULTS as error:
        raise BuildError(f"a layer of the image cannot be read: {error}", where=where) from error
    layer.diff_id = f"sha256:{hashing.digest.hexdigest()}"
    return layer


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, layer: Layer, keep: Callable[[str], bool]) -> None:
    path = _path(member.name)
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        layer.emptied.add(folder)
    elif name.startswith(_WHITEOUT):
        layer.gone.add(f"{folder}/{name.removeprefix(_WHITEOUT)}")
    elif member.islnk():
        first = _path(member.linkname)
        layer.entries[path] = layer.entries.get(first) or Entry("other", target=first)
        if first in layer.kept:
            layer.kept[path] = layer.kept[first]
    elif path:
        layer.entries[path] = _entry(tar, member, path, layer, keep)


def _path(name: str) -> str:
    """The absolute path of a member. Raises ValueError for one that leads out."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ValueError(f"{name!r} leads out of the image")
    return "/" + "/".join(parts) if parts else ""


def _entry(
    tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, layer: Layer, keep: Callable[[str], bool]
) -> Entry:
    rights = tuple(
        sorted(
            name.removeprefix("SCHILY.xattr.")
            for name in member.pax_headers
            if name.startswith("SCHILY.xattr.security.") and not name.endswith(".selinux")
        )
    )
    kind: Kind = (
        "folder" if member.isdir() else "link" if member.issym() else "file" if member.isreg() else "other"
    )
    sha256, size = "", 0
    if kind == "file" and (content := tar.extractfile(member)) is not None:
        wanted = member.size <= KEPT_MOST and keep(path)
        sha256, size, data = _hashed(content, wanted)
        if wanted:
            layer.kept[path] = data
    target = member.linkname if kind == "link" else ""
    return Entry(kind, member.mode & 0o7777, member.uid, member.gid, size, sha256, target, 0, rights)


def _hashed(content: IO[bytes], wanted: bool) -> tuple[str, int, bytes]:
    digest, size, pieces = hashlib.sha256(), 0, []
    while piece := content.read(CHUNK):
        digest.update(piece)
        size += len(piece)
        if wanted:
            pieces.append(piece)
    return digest.hexdigest(), size, b"".join(pieces)


def stack(layers: Sequence[Layer]) -> Tree:
    """The layers over each other, lowest first, as a container sees them."""
    entries: dict[str, Entry] = {}
    kept: dict[str, bytes] = {}
    for number, layer in enumerate(layers):
        for path in _taken(entries, layer):
            del entries[path]
            kept.pop(path, None)
        for path, entry in layer.entries.items():
            there = _linked(entry, entries) if entry.kind == "other" and entry.target else entry
            entries[path] = there._replace(layer=number)
            kept.pop(path, None)
        kept.update(layer.kept)
    return Tree(entries, kept)


def _linked(entry: Entry, below: Mapping[str, Entry]) -> Entry:
    """A hard link to a file of a lower layer."""
    return below.get(entry.target, entry)


def _taken(entries: Mapping[str, Entry], layer: Layer) -> list[str]:
    """What of the lower layers goes: named as gone, below a folder that was emptied, or below what is none any more."""
    replaced = {path for path, entry in layer.entries.items() if entry.kind != "folder"}
    needed = {parent for path in layer.entries for parent in parents(path)}
    cut = layer.gone | {
        path for path in replaced if (there := entries.get(path)) is not None and there.kind == "folder"
    }
    files_in_the_way = {path for path in needed if path in entries and entries[path].kind != "folder"}
    if not cut and not layer.emptied and not files_in_the_way:
        return []
    found = []
    for path in entries:
        above = list(parents(path))
        gone = (
            path in cut
            or path in files_in_the_way
            or any(one in cut or one in layer.emptied for one in above)
        )
        if gone and path not in layer.entries:
            found.append(path)
    return found


def parents(path: str) -> Iterator[str]:
    """`/a/b` and `/a` of `/a/b/c`."""
    at = path.rfind("/")
    while at > 0:
        yield path[:at]
        at = path.rfind("/", 0, at)
