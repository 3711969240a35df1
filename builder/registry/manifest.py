"""Manifests and indexes, of OCI and of Docker, read as values. Sources: opencontainers/image-spec:manifest.md,
image-index.md and distribution's docs/spec/manifest-v2-2.md."""

from __future__ import annotations

import json
from typing import Any

from builder.errors import RegistryError
from builder.registry.faults import BROKEN_FIX
from builder.values import Value

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPTED = (*INDEXES, *MANIFESTS)
_OLD = "application/vnd.docker.distribution.manifest.v1"


class Layer(Value):
    """A layer as it lies in the registry. size: bytes, compressed."""

    digest: str
    size: int
    media_type: str = ""


class Entry(Value):
    """One image of an index. platform: `linux/arm64/v8`."""

    digest: str
    platform: str


class Manifest(Value):
    """One image: the digest and size of its configuration, and its layers, lowest first."""

    config: str
    config_size: int
    layers: tuple[Layer, ...]


def read_document(body: bytes, media_type: str, where: str) -> Manifest | tuple[Entry, ...]:
    """A manifest, or the entries of an index. media_type: of the header, where the document says none of its own.

    Raises RegistryError for what is neither.
    """
    try:
        document = json.loads(body)
        kind = str(document.get("mediaType") or media_type)
        if kind.startswith(_OLD) or document.get("schemaVersion") == 1:
            raise RegistryError("broken", "the image is of a format that no registry should hold any more (schema 1)",
                                where=where, fix="push it again with a newer engine")  # fmt: skip
        if kind in INDEXES or (kind not in MANIFESTS and "manifests" in document):
            return tuple(_entry(row) for row in document["manifests"] if _is_image(row))
        return _manifest(document)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise RegistryError("broken", "what lies there is no image's manifest", where=where, fix=BROKEN_FIX,
                            detail=type(error).__name__) from error  # fmt: skip


def choose(entries: tuple[Entry, ...], platform: str, where: str) -> Entry:
    """The image for a platform (`linux/arm64`): the plainest variant first. Raises RegistryError."""
    fitting = [one for one in entries if f"{one.platform}/".startswith(f"{platform}/")]
    if not fitting:
        known = ", ".join(dict.fromkeys(one.platform for one in entries)) or "nothing"
        what = f"the image is not made for {platform}"
        raise RegistryError("platform", what, where=where, fix=f"it is made for {known}")
    return min(fitting, key=lambda one: len(one.platform))


def _manifest(document: dict[str, Any]) -> Manifest:
    config = document["config"]
    layers = tuple(
        Layer(
            digest=_text(row["digest"]), size=_size(row["size"]), media_type=str(row.get("mediaType") or "")
        )
        for row in document["layers"]
    )
    return Manifest(config=_text(config["digest"]), config_size=_size(config["size"]), layers=layers)


def _entry(row: dict[str, Any]) -> Entry:
    told = row.get("platform") or {}
    parts = (told.get("os"), told.get("architecture"), told.get("variant"))
    platform = "/".join(str(part) for part in parts if part)
    return Entry(digest=_text(row["digest"]), platform=platform)


def _is_image(row: dict[str, Any]) -> bool:
    """Not what BuildKit puts beside one: attestations, for the platform `unknown/unknown`."""
    return (row.get("platform") or {}).get("os") != "unknown"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _size(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("no size")
    return value
