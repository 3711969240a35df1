"""The layers of an image out of what an engine saves (`docker save`), in one pass, however the engine spells it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, cast

from builder.audit.layers import Pieces
from builder.errors import BuildError
from builder.verify.tree import CHUNK, Layer, read_layer

_DOCUMENT = 16 << 20  # bytes; lists and configurations have some kilobytes
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_FAULTS = (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass
class _Found:
    """What one pass over an archive brings together, by the names of its members."""

    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """An image with its configuration (the JSON document that its id is the hash of) and its layers, lowest first."""

    config: Mapping[str, Any]
    layers: tuple[Layer, ...]


def read_saved(pieces: Iterable[bytes], keep: Callable[[str], bool], where: str) -> Image:
    """Read a saved image. keep: of which paths the content is kept.

    Raises BuildError for an archive that is none, and for layers that are not those which the configuration names.
    """
    found = _Found()
    try:
        with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces), CHUNK), mode="r|") as tar:
            for member in tar:
                _take(tar, member, found, keep, where)
        return _image(found)
    except _FAULTS as error:
        raise _broken(str(error) or type(error).__name__, where) from error


def checked(image: Image, where: str) -> Image:
    """The image, if its layers are those that its configuration names. Raises BuildError."""
    named = [str(one) for one in image.config["rootfs"]["diff_ids"]]
    if [layer.diff_id for layer in image.layers] != named:
        raise _broken("its layers are not those that its configuration names", where)
    return image


def _broken(what: str, where: str) -> BuildError:
    return BuildError(
        f"the image's files cannot be read: {what}", where=where, fix="ask the engine for its health"
    )


def _take(
    tar: tarfile.TarFile, member: tarfile.TarInfo, found: _Found, keep: Callable[[str], bool], where: str
) -> None:
    name = member.name.removeprefix("./")
    if member.issym() or member.islnk():  # older engines save a layer that two images share as a link
        base = "" if member.islnk() else name.rpartition("/")[0]
        found.links[name] = _joined(base, member.linkname)
        return
    stream = tar.extractfile(member) if member.isreg() else None
    if stream is None:
        return
    buffered = io.BufferedReader(cast("Any", stream), CHUNK)
    if name.endswith("/layer.tar") or (name.startswith("blobs/") and not _is_document(buffered)):
        with unpacked(buffered) as plain:
            found.layers[name] = read_layer(plain, keep, where)
    elif member.size <= _DOCUMENT:
        found.documents[name] = buffered.read()


def _joined(base: str, link: str) -> str:
    parts: list[str] = base.split("/") if base else []
    for part in link.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _is_document(stream: io.BufferedReader) -> bool:
    return stream.peek(1)[:1] in {b"{", b"["}


def unpacked(stream: io.BufferedReader[Any]) -> IO[bytes]:
    """A layer's own bytes: what it is packed with is seen from its first ones."""
    head = stream.peek(4)[:4]
    if head.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if head.startswith(_ZSTD):
        import zstandard  # noqa: PLC0415  (few layers need it)

        return cast(
            "IO[bytes]",
            zstandard.ZstdDecompressor().stream_reader(cast("Any", stream), read_across_frames=True),
        )
    return cast("IO[bytes]", stream)


def _image(found: _Found) -> Image:
    rows = json.loads(found.documents["manifest.json"])
    if len(rows) != 1:
        raise ValueError(f"it holds {len(rows)} images, and one was asked for")
    config = json.loads(found.documents[str(rows[0]["Config"])])
    layers = []
    for name in rows[0]["Layers"]:
        member = str(name)
        while member in found.links and member not in found.layers:
            member = found.links.pop(member)
        layers.append(found.layers[member])
    return Image(config, tuple(layers))
