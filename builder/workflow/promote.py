"""`imgbuild promote`: a proven digest under another tag or in another repository of its registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone

from builder import __version__
from builder.engine.port import EngineInfo
from builder.errors import PublishError, RegistryError, UsageError
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.progress import Observer
from builder.publish.tags import checked_tag
from builder.publish.there import passed_verdict
from builder.registry.client import Document, Registry
from builder.registry.manifest import INDEXES, Entry, Manifest, read_document
from builder.registry.reference import Reference, parse_reference
from builder.registry.referrers import Referrer, fallback_tag, put_referrer, referrers
from builder.registry.trust import daemon_trust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.settings.patience import read_policy
from builder.values import Value
from builder.workflow.supply import step


class Promoted(Value):
    """source and target as full references; digest: of what both stand for now; before: of what the target stood for;
    images: the ids of the images that are proven, one for each platform; unproven: why they need not be."""

    source: str
    target: str
    digest: str
    before: str = ""
    images: tuple[str, ...] = ()
    unproven: str = ""
    version: str = __version__
    finished: str = ""


_MOST = 64 << 20  # bytes of one document beside an image
_TAGGED = ("sig", "att", "sbom")  # sigstore/cosign:specs/SIGNATURE_SPEC.md


@dataclass(frozen=True, slots=True)
class _Copy:
    """One manifest and what lies beside it."""

    document: Document
    manifest: Manifest
    beside: tuple[Referrer, ...]


def promote(
    source: str, target: str, observer: Observer, *, unproven: str = "", info: EngineInfo | None = None
) -> Promoted:
    """Put what `source` stands for under `target`, byte for byte, with all that lies beside it.

    info: of the engine, for its insecure registries; None asks the files of this machine alone. Raises PublishError
    for an image without a passed verdict beside it, UsageError for two registries, RegistryError.
    """
    origin, goal = parse_reference(source), parse_reference(target)
    if origin.host != goal.host:
        raise UsageError(
            f"{origin.host} and {goal.host} are two registries",
            where=target,
            fix="promote within one; for another, `imgbuild push` from where the image was built",
        )
    if goal.digest or goal.tag is None:
        raise UsageError(f"`{target}` names no tag", fix="write it as REPOSITORY:TAG")
    checked_tag(goal.tag, target)
    policy = read_policy()
    trust = daemon_trust(insecure=info.insecure if info else (), mirrors=info.mirrors if info else ())
    with Wire(trust, policy) as wire:
        registry = Registry(origin.host, wire, Logins(here()))
        top = registry.manifest(origin.repository, origin.wanted)
        copies = [_copy(registry, origin, one) for one in _images(registry, origin, top)]
        images = tuple(_proven(registry, origin, copy, unproven) for copy in copies)
        writer = Writer(registry, goal.repository, policy)
        if origin.repository != goal.repository:
            with step(observer, "push", "promote", f"copy to {goal.name}"):
                for copy in copies:
                    _carry(writer, origin, copy)
                if top.digest not in {copy.document.digest for copy in copies}:  # an index: what is beside it
                    writer.put_manifest(top.digest, top.body, top.media_type)
                    for one in referrers(registry, origin.repository, top.digest):
                        _carry_document(writer, origin, top.digest, one)
                    _carry_tagged(writer, origin, top.digest)
        with step(observer, "push", f"tag:{goal.tag}", f"tag {goal}"):
            before = writer.find_manifest(goal.tag)
            digest = writer.put_manifest(goal.tag, top.body, top.media_type)
    return Promoted(
        source=f"{origin.name}@{top.digest}",
        target=str(goal),
        digest=digest,
        before=before.digest if before and before.digest != digest else "",
        images=images,
        unproven=unproven,
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _images(registry: Registry, origin: Reference, top: Document) -> list[Document]:
    """The image, or those of an index."""
    found = read_document(top.body, top.media_type, str(origin))
    if isinstance(found, Manifest):
        return [top]
    entries: tuple[Entry, ...] = found
    return [registry.manifest(origin.repository, entry.digest) for entry in entries]


def _copy(registry: Registry, origin: Reference, document: Document) -> _Copy:
    manifest = read_document(document.body, document.media_type, str(origin))
    if not isinstance(manifest, Manifest):
        raise PublishError(
            "an index within an index is not promoted", where=str(origin), fix="name one of its images"
        )
    return _Copy(document, manifest, referrers(registry, origin.repository, document.digest))


def _proven(registry: Registry, origin: Reference, copy: _Copy, unproven: str) -> str:
    """The image's id, when a passed verdict about it lies beside it. Raises PublishError."""
    ids = {copy.manifest.config, copy.document.digest}
    verdict = passed_verdict(registry, origin.repository, copy.beside, ids)
    if verdict is not None:
        return verdict.image_id
    if unproven:
        return copy.manifest.config
    raise PublishError(
        f"{origin} is not promoted: no passed verdict about {copy.manifest.config[:19]} lies beside it",
        where=f"{origin.name}@{copy.document.digest}",
        fix="push it with `imgbuild push`, which brings its verdict along; or say why, with --unproven REASON",
    )


def _carry(writer: Writer, origin: Reference, copy: _Copy) -> None:
    """Blobs, manifest and documents into the other repository; what is there already is not carried again."""
    for digest in (copy.manifest.config, *(layer.digest for layer in copy.manifest.layers)):
        if not writer.has_blob(digest) and not writer.mount_blob(digest, origin.repository):
            raise PublishError(
                f"the registry does not hand {digest[:19]} from {origin.repository} to {writer.repository}",
                where=str(origin),
                fix="`imgbuild push` to the other repository from where the image was built",
            )
    document = copy.document
    writer.put_manifest(document.digest, document.body, document.media_type)
    for one in copy.beside:
        _carry_document(writer, origin, document.digest, one)
    _carry_tagged(writer, origin, document.digest)


def _carry_document(writer: Writer, origin: Reference, subject: str, referrer: Referrer) -> None:
    """What lies beside, byte for byte, whoever put it there (a signature too). A list of manifests is left where it is:
    each of them would have others beside it."""
    body = writer.registry.manifest(origin.repository, referrer.digest).body
    if referrer.media_type not in INDEXES:
        _carry_blobs(writer, origin, body)
        put_referrer(writer, subject, referrer, body)


def _carry_tagged(writer: Writer, origin: Reference, subject: str) -> None:
    """Signatures and attestations that cosign keeps under tags of their own."""
    for suffix in _TAGGED:
        tag = f"{fallback_tag(subject)}.{suffix}"
        found = writer.registry.find_manifest(origin.repository, tag)
        if found is not None:
            _carry_blobs(writer, origin, found.body)
            writer.put_manifest(tag, found.body, found.media_type)


def _carry_blobs(writer: Writer, origin: Reference, body: bytes) -> None:
    registry, repository = writer.registry, origin.repository
    for digest in _blobs(body, origin.name):
        if not writer.has_blob(digest) and not writer.mount_blob(digest, repository):
            writer.put_bytes(registry.blob(repository, digest, _MOST))


def _blobs(body: bytes, where: str) -> list[str]:
    try:
        document = json.loads(body)
        return [str(row["digest"]) for row in (document.get("config"), *document.get("layers", ())) if row]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = "what lies beside the image is no manifest"
        raise RegistryError(
            "broken", what, where=where, fix="ask who put it there to take it away"
        ) from error
