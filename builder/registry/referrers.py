"""What lies beside an image: documents that refer to it, by the referrers API or under its fallback tag.

Source: opencontainers/distribution-spec:spec.md, "Pushing Manifests with Subject" and "Referrers Tag Schema".
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from builder.errors import RegistryError
from builder.registry.client import Registry
from builder.registry.faults import BROKEN_FIX
from builder.registry.manifest import INDEXES, MANIFESTS
from builder.registry.write import EMPTY, Writer
from builder.values import Value, canonical_json

OCI_INDEX, OCI_MANIFEST = INDEXES[0], MANIFESTS[0]
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_MOST = 64 << 20  # bytes of one document


class Attachment(Value):
    """A document that lies beside an image. kind: its media type; name: as a file would be called; made: when, in ISO
    8601, where that tells one from another of its kind."""

    kind: str
    name: str
    content: bytes
    made: str = ""

    @property
    def annotations(self) -> dict[str, str]:
        """What the list of referrers says of it."""
        made = {"org.opencontainers.image.created": self.made} if self.made else {}
        return {"org.opencontainers.image.title": self.name, **made}


class Referrer(Value):
    """One entry of the list: the manifest of an attachment."""

    digest: str
    kind: str
    size: int
    annotations: dict[str, str] = {}


def attach(writer: Writer, subject: str, subject_type: str, subject_size: int, attachment: Attachment) -> str:
    """Put a document beside the manifest with this digest; the digest of its own manifest. The same document is there
    once, however often it is put. Raises RegistryError."""
    config = writer.put_bytes(EMPTY)
    layer = writer.put_bytes(attachment.content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": attachment.kind,
        "config": {"mediaType": _EMPTY_TYPE, "digest": config, "size": len(EMPTY)},
        "layers": [
            {
                "mediaType": attachment.kind,
                "digest": layer,
                "size": len(attachment.content),
                "annotations": {"org.opencontainers.image.title": attachment.name},
            }
        ],
        "subject": {"mediaType": subject_type, "digest": subject, "size": subject_size},
        "annotations": attachment.annotations,
    }
    body = canonical_json(manifest)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    answer = writer.registry.ask(
        writer.repository,
        f"manifests/{digest}",
        {"Content-Type": OCI_MANIFEST},
        method="PUT",
        data=body,
        good=(200, 201, 202),
    )
    if answer.headers.get("oci-subject", "") != subject:  # it has no referrers API: the list is a tag
        _listed(writer, subject, _row(digest, len(body), attachment))
    return digest


def referrers(registry: Registry, repository: str, subject: str) -> tuple[Referrer, ...]:
    """All that lies beside the manifest with this digest. Raises RegistryError."""
    answer = registry.ask(
        repository, f"referrers/{subject}", {"Accept": OCI_INDEX}, good=(200, 404, 405, 501, 400)
    )
    if answer.status == 200 and answer.headers.get("content-type", "").startswith(OCI_INDEX):
        return _entries(answer.body, repository)
    try:
        return _entries(registry.manifest(repository, _fallback(subject)).body, repository)
    except RegistryError as error:
        if error.kind == "missing":
            return ()
        raise


def read_attachment(registry: Registry, repository: str, referrer: Referrer) -> bytes:
    """The document of a referrer, checked against its digests. Raises RegistryError."""
    try:
        document = json.loads(registry.manifest(repository, referrer.digest).body)
        (layer,) = document["layers"]
        digest = str(layer["digest"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = "what refers to the image is no single document"
        raise RegistryError(
            "broken", what, where=f"{repository}@{referrer.digest}", fix=BROKEN_FIX
        ) from error
    return registry.blob(repository, digest, _MOST)


def _listed(writer: Writer, subject: str, row: dict[str, Any]) -> None:
    """The list under the fallback tag, with one row more."""
    found = writer.find_manifest(_fallback(subject))
    rows = _rows(found.body, writer.repository) if found else []
    if any(one.get("digest") == row["digest"] for one in rows):
        return
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*rows, row]}
    writer.put_manifest(_fallback(subject), canonical_json(index), OCI_INDEX)


def _row(digest: str, size: int, attachment: Attachment) -> dict[str, Any]:
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest,
        "size": size,
        "artifactType": attachment.kind,
        "annotations": attachment.annotations,
    }


def _fallback(subject: str) -> str:
    return subject.replace(":", "-")[:128]


def _entries(body: bytes, where: str) -> tuple[Referrer, ...]:
    try:
        return tuple(
            Referrer(
                digest=row["digest"],
                kind=str(row.get("artifactType") or ""),
                size=row["size"],
                annotations=row.get("annotations") or {},
            )
            for row in _rows(body, where)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _no_list(where) from error


def _rows(body: bytes, where: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(body)["manifests"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_list(where) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _no_list(where)
    return rows


def _no_list(where: str) -> RegistryError:
    return RegistryError(
        "broken", "its list of what refers to the image is none", where=where, fix=BROKEN_FIX
    )
