"""Both formats as bytes: the same bytes for the same image."""

from __future__ import annotations

import json
import uuid
from typing import Any, Literal, TypeAlias

from builder.network.redact import redacted_values
from builder.sbom import cyclonedx, spdx
from builder.sbom.model import Bom
from builder.values import digest_of

Format: TypeAlias = Literal["cyclonedx", "spdx"]

MEDIA_TYPES: dict[Format, str] = {"cyclonedx": cyclonedx.MEDIA_TYPE, "spdx": spdx.MEDIA_TYPE}
FILES: dict[str, str] = {cyclonedx.MEDIA_TYPE: "sbom.cdx.json", spdx.MEDIA_TYPE: "sbom.spdx.json"}
"""Under which name a document of a media type is kept beside the record."""


def document(bom: Bom, form: Format) -> dict[str, Any]:
    """One of the two, as plain data without secrets."""
    serial = str(uuid.uuid5(uuid.NAMESPACE_URL, f"imgbuild:{form}:{digest_of(bom.model_dump(mode='json'))}"))
    made = cyclonedx.cyclonedx(bom, serial) if form == "cyclonedx" else spdx.spdx(bom, serial)
    clean: dict[str, Any] = redacted_values(made)
    return clean


def documents(bom: Bom) -> dict[str, bytes]:
    """Both by their media type, as files to keep, or to attach to an image."""
    return {media: written(document(bom, form)) for form, media in MEDIA_TYPES.items()}


def written(made: dict[str, Any]) -> bytes:
    """The file's bytes."""
    return json.dumps(made, indent=2, ensure_ascii=False).encode() + b"\n"
