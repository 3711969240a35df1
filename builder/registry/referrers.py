"""What lies beside an image: documents that refer to it, by the referrers API or under its fallback tag.

Source: opencontainers/distribution-spec:spec.md, "Pushing Manifests with Subject" and "Referrers Tag Schema".
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from builder.errors import RegistryError
from builder.registry.client import Registry
from builder.registry.faults import BROKEN_FIX
from builder.registry.manifest import INDEXES, MANIFESTS
from builder.registry.write import EMPTY, Writer
from builder.values import Value, canonical_json

OCI_INDEX, OCI_MANIFEST = INDEXES[0], MANIFESTS[0]
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_MOST = 64 << 20  # bytes of one document
_PAGES = 1000  # of a list; more is a registry that goes round in a circle
_TRIES = 4  # of a list that somebody else writes at the same time
_NONE = (400, 404, 405, 501)  # what registries without referrers answer
_NEXT = re.compile(r'<([^<>]*)>[^,]*?;\s*rel="?next"?')

log = logging.getLogger(__name__)


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
    """One entry of the list: the manifest of an attachment. kind: its artifact type; media_type: the manifest's own."""

    digest: str
    kind: str
    size: int
    media_type: str = OCI_MANIFEST
    annotations: dict[str, str] = {}

    @property
    def row(self) -> dict[str, Any]:
        """As a list of referrers has it."""
        kind = {"artifactType": self.kind} if self.kind else {}
        row = {"mediaType": self.media_type, "digest": self.digest, "size": self.size, **kind}
        return {**row, "annotations": self.annotations}


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
    annotations = attachment.annotations
    put_referrer(
        writer,
        subject,
        Referrer(digest=digest, kind=attachment.kind, size=len(body), annotations=annotations),
        body,
    )
    return digest


def put_referrer(writer: Writer, subject: str, referrer: Referrer, body: bytes) -> None:
    """Put a manifest that refers to the one with this digest, as its bytes; its blobs must be there. A registry that
    does not say that it saw the subject has no referrers API, and gets the list as a tag. Raises RegistryError."""
    answer = writer.registry.ask(
        writer.repository,
        f"manifests/{referrer.digest}",
        {"Content-Type": referrer.media_type},
        method="PUT",
        data=body,
        good=(200, 201, 202),
    )
    if answer.headers.get("oci-subject", "") != subject:
        _listed(writer, subject, referrer)


def referrers(registry: Registry, repository: str, subject: str, kind: str = "") -> tuple[Referrer, ...]:
    """All that lies beside the manifest with this digest, of one kind where one is named.

    The API's list and the fallback tag's are one: a registry that has the API since a while may know of older documents
    by the tag alone. Raises RegistryError.
    """
    found = {one.digest: one for one in (*_by_api(registry, repository, subject, kind),
                                         *_by_tag(registry, repository, subject))}  # fmt: skip
    return tuple(one for one in found.values() if kind in {"", one.kind})


def _by_api(registry: Registry, repository: str, subject: str, kind: str) -> Iterator[Referrer]:
    """Page by page. Whether it filtered does not matter: who asks looks at each row."""
    path = f"referrers/{subject}" + (f"?artifactType={quote(kind, safe='')}" if kind else "")
    for _page in range(_PAGES):
        answer = registry.ask(repository, path, {"Accept": OCI_INDEX}, good=(200, *_NONE))
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith(OCI_INDEX):
            return
        yield from _entries(answer.body, repository)
        more = _NEXT.search(answer.headers.get("link", ""))
        if more is None:
            return
        path = urljoin(answer.url, more[1])
        if urlsplit(path)[:2] != urlsplit(answer.url)[:2]:  # a login goes nowhere else
            raise RegistryError(
                "broken", "its list of referrers goes on elsewhere", where=repository, fix=BROKEN_FIX
            )
    raise RegistryError("broken", "its list of referrers has no end", where=repository, fix=BROKEN_FIX)


def _by_tag(registry: Registry, repository: str, subject: str) -> tuple[Referrer, ...]:
    """What is no list under the tag stands for none, as the specification has it for readers."""
    try:
        return _entries(registry.manifest(repository, fallback_tag(subject)).body, repository)
    except RegistryError as error:
        if error.kind == "missing":
            return ()
        if error.what != _NO_LIST:
            raise
        log.warning("%s:%s is no list of what refers to an image", repository, fallback_tag(subject))
        return ()


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


def readable(registry: Registry, repository: str, found: Iterable[Referrer]) -> Iterator[bytes]:
    """The documents of referrers, but for those that are damaged or gone: anybody may lay something beside an image,
    and another one may be good. Raises RegistryError for all else."""
    for one in found:
        body = _if_whole(registry, repository, one)
        if body is not None:
            yield body


def _if_whole(registry: Registry, repository: str, referrer: Referrer) -> bytes | None:
    try:
        return read_attachment(registry, repository, referrer)
    except RegistryError as error:
        if error.kind not in {"missing", "broken"}:
            raise
        log.warning("what lies beside an image of %s cannot be read: %s", repository, error.what)
        return None


def _listed(writer: Writer, subject: str, referrer: Referrer) -> None:
    """The list under the fallback tag, with one row more. It is read again: of two that write at once, the second has
    put a list without the first one's row."""
    tag = fallback_tag(subject)
    for left in reversed(range(_TRIES + 1)):
        found = writer.find_manifest(tag)
        rows = _rows(found.body, writer.repository) if found else []
        if any(one.get("digest") == referrer.digest for one in rows):
            return
        if not left:
            break
        body = canonical_json(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*rows, referrer.row]}
        )
        headers = {"Content-Type": OCI_INDEX}
        writer.registry.ask(
            writer.repository, f"manifests/{tag}", headers, method="PUT", data=body, good=(200, 201, 202)
        )
    what = f"it said that {tag} was put, and its list lacks what was put"
    raise RegistryError("broken", what, where=writer.repository, fix="somebody else writes it: push again")


def fallback_tag(subject: str) -> str:
    """Where the list of referrers lies without the API: `sha256-...`, cut as the specification has it."""
    algorithm, _, encoded = subject.partition(":")
    return re.sub(r"[^A-Za-z0-9_.-]", "-", f"{algorithm[:32]}-{encoded[:64]}")


def _entries(body: bytes, where: str) -> tuple[Referrer, ...]:
    try:
        return tuple(
            Referrer(
                digest=row["digest"],
                kind=str(row.get("artifactType") or ""),
                size=row["size"],
                media_type=str(row.get("mediaType") or OCI_MANIFEST),
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


_NO_LIST = "its list of what refers to the image is none"


def _no_list(where: str) -> RegistryError:
    return RegistryError("broken", _NO_LIST, where=where, fix=BROKEN_FIX)
