"""An image's archive, as `docker save` writes it, in one spelling: equal images give equal bytes on every engine.

Engines differ in the names, order, times and compression of what they save. Written here are the list of contents,
the configuration, and each layer once and unpacked, all named by their hashes. The image's name in the archive is made
of its id, so that loading one gives no other name to anything.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from builder.errors import BuildError
from builder.store.cache import CHUNK

LISTING = "manifest.json"
_LARGEST = 16 << 20  # bytes; the list and the configuration have some kilobytes
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BROKEN = (
    tarfile.TarError,
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    ValueError,
    KeyError,
    TypeError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Saved:
    """What an archive says that it holds. layers: the member and the hex sha256 of each, lowest first."""

    config: bytes
    layers: tuple[tuple[str, str], ...]
    names: tuple[str, ...]

    @property
    def image_id(self) -> str:
        """`sha256:...` of the configuration."""
        return f"sha256:{hashlib.sha256(self.config).hexdigest()}"


def base_ref(image_id: str) -> str:
    """The name in engines of the image that an archive holds."""
    return f"imgbuild/base:{image_id.removeprefix('sha256:')}"


def normalise(saved: BinaryIO, target: Path, *, where: str) -> str:
    """Write what an engine saved to `target` in the one spelling; returns the image's id.

    saved can be sought in. where: the image, for messages. Raises BuildError when it is not one whole image, OSError
    when the disk does not take it.
    """
    with _read(saved, where) as (tar, held), target.open("wb") as out:
        _put(out, LISTING, _listing(held))
        _put(out, f"{held.image_id.removeprefix('sha256:')}.json", held.config)
        written: set[str] = set()
        for member, sha256 in held.layers:
            if sha256 not in written:
                _copy_layer(tar, member, sha256, out, target.parent)
                written.add(sha256)
        out.write(b"\0" * (2 * tarfile.BLOCKSIZE))
    return held.image_id


def check_archive(path: Path, image_id: str) -> None:
    """Raise BuildError for an archive that is not the one spelling of this very image.

    One that anybody may have written could give names to other images, and an engine would take them over. The layers'
    bytes are the engine's to compare with the configuration, which it does when it loads them.
    """
    with path.open("rb") as stream, _read(stream, str(path)) as (tar, held):
        mine = [LISTING, f"{held.image_id.removeprefix('sha256:')}.json"]
        mine += dict.fromkeys(_layer_name(sha256) for _, sha256 in held.layers)
        given = [f"{_layer_name(sha256)}" for _, sha256 in held.layers]
        if (
            held.image_id != image_id
            or held.names != (base_ref(image_id),)
            or [member for member, _ in held.layers] != given
            or tar.getnames() != mine
            or not _is_spelled(stream, tar.getmembers())
        ):
            raise _refused("it is not the archive of the image that the lock names", str(path))


def _is_spelled(stream: BinaryIO, members: Sequence[tarfile.TarInfo]) -> bool:
    """Whether the tar is these members in our own spelling, one behind the other, and nothing after them.

    Readers of tars do not agree on headers that are out of order: what Python takes for the end, another one reads on.
    """
    at = 0
    for member in members:
        stream.seek(at)
        if stream.read(tarfile.BLOCKSIZE) != _header(member.name, member.size):
            return False
        at += tarfile.BLOCKSIZE + member.size + -member.size % tarfile.BLOCKSIZE
    stream.seek(at)
    return not any(any(piece) for piece in iter(lambda: stream.read(CHUNK), b""))


@contextmanager
def _read(stream: BinaryIO, where: str) -> Iterator[tuple[tarfile.TarFile, Saved]]:
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            yield tar, _held(tar)
    except _BROKEN as error:
        raise _refused(str(error) or type(error).__name__, where) from error


def _held(tar: tarfile.TarFile) -> Saved:
    images = json.loads(_text(tar, LISTING))
    if len(images) != 1:
        raise ValueError(f"it holds {len(images)} images, and one was asked for")
    config = _text(tar, str(images[0]["Config"]))
    hashes = [str(one).removeprefix("sha256:") for one in json.loads(config)["rootfs"]["diff_ids"]]
    members = [str(one) for one in images[0]["Layers"]]
    if len(members) != len(hashes) or not members:
        raise ValueError("its layers and its configuration do not agree")
    names = tuple(str(one) for one in images[0].get("RepoTags") or ())
    return Saved(config, tuple(zip(members, hashes, strict=True)), names)


def _text(tar: tarfile.TarFile, name: str) -> bytes:
    with _member(tar, name) as stream:
        data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"{name} is far too large")
    return data


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """A file's content. Older engines save a layer that two images share as a link, which is followed."""
    stream = tar.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} is no file")
    return stream


def _listing(held: Saved) -> bytes:
    digits = held.image_id.removeprefix("sha256:")
    layers = [_layer_name(sha256) for _, sha256 in held.layers]
    rows = [{"Config": f"{digits}.json", "RepoTags": [base_ref(held.image_id)], "Layers": layers}]
    return json.dumps(rows, separators=(",", ":")).encode()


def _layer_name(sha256: str) -> str:
    return f"{sha256}.tar"


def _copy_layer(tar: tarfile.TarFile, member: str, sha256: str, out: BinaryIO, scratch: Path) -> None:
    with _member(tar, member) as stream, _unpacked(stream, scratch) as layer:
        size = layer.seek(0, 2)
        layer.seek(0)
        out.write(_header(_layer_name(sha256), size))
        digest = hashlib.sha256()
        while piece := layer.read(CHUNK):
            digest.update(piece)
            out.write(piece)
        out.write(b"\0" * (-size % tarfile.BLOCKSIZE))
    if digest.hexdigest() != sha256:
        raise ValueError(f"its layer {member} is not the one that its configuration names")


@contextmanager
def _unpacked(stream: IO[bytes], scratch: Path) -> Iterator[IO[bytes]]:
    """The layer's own bytes: engines that keep layers as the registry sent them save them compressed."""
    head = stream.read(4)
    stream.seek(0)
    if not head.startswith((_GZIP, _ZSTD)):
        yield stream
        return
    with tempfile.TemporaryFile(dir=scratch) as plain:
        if head.startswith(_GZIP):
            with gzip.open(stream) as packed:
                shutil.copyfileobj(packed, plain, CHUNK)
        else:
            _unpack_zstd(stream, plain)
        yield plain


def _unpack_zstd(stream: IO[bytes], plain: IO[bytes]) -> None:
    import zstandard  # noqa: PLC0415  (few engines need it)

    try:
        with zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True) as reader:
            shutil.copyfileobj(cast("Any", reader), plain, CHUNK)
    except zstandard.ZstdError as error:
        raise ValueError(f"a layer cannot be unpacked: {error}") from error


def _put(out: BinaryIO, name: str, content: bytes) -> None:
    out.write(_header(name, len(content)) + content + b"\0" * (-len(content) % tarfile.BLOCKSIZE))


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o644, size
    return info.tobuf(tarfile.PAX_FORMAT)


def _refused(what: str, where: str) -> BuildError:
    return BuildError(
        f"this is not the archive of one image: {what}", where=where, fix="make the kit again from its source"
    )
