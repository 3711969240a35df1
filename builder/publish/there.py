"""What a registry holds of an image after it was pushed: asked, never assumed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from builder.errors import RegistryError
from builder.publish.travel import VERDICT
from builder.registry.client import Document, Registry
from builder.registry.manifest import Manifest, read_document
from builder.registry.referrers import Referrer, readable
from builder.registry.write import Writer
from builder.smoke.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Held:
    """An image that lies whole in a repository: its manifest, as bytes and as a value."""

    document: Document
    manifest: Manifest

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return self.document.digest


def held(writer: Writer, tag: str, image_id: str) -> Held | None:
    """The image under a tag, if it is this one and all of it is there; None where it is another, or none.

    image_id: of its configuration, or of its manifest (engines with containerd's image store). Raises RegistryError
    where the registry cannot be asked.
    """
    found = held_whole(writer, tag)
    return found if found is not None and image_id in {found.manifest.config, found.digest} else None


def held_whole(writer: Writer, tag: str) -> Held | None:
    """The image under a tag, if all of it is there, whichever it is. Raises RegistryError."""
    found = writer.find_manifest(tag)
    if found is None:
        return None
    document = read_document(found.body, found.media_type, f"{writer.repository}:{tag}")
    if not isinstance(document, Manifest):
        return None
    blobs = (document.config, *(layer.digest for layer in document.layers))
    return Held(found, document) if all(writer.has_blob(digest) for digest in blobs) else None


def confirmed(writer: Writer, tag: str, image_id: str, said: str) -> Held:
    """The image that the engine said it pushed. Raises RegistryError where the registry holds something else."""
    found = writer.find_manifest(tag)
    where = f"{writer.registry.host}/{writer.repository}:{tag}"
    fix = "ask whoever runs the registry; no tag of yours was moved"
    if found is None:
        what = "the push ended well, and the registry holds nothing under its tag"
        raise RegistryError("broken", what, where=where, fix=fix)
    whole = held(writer, tag, image_id)
    if whole is None or (said and whole.digest != said):
        what = f"the push ended well, and the registry holds something else or not all of it ({found.digest[:19]}...)"
        raise RegistryError("broken", what, where=where, fix=fix)
    return whole


def passed_verdict(
    registry: Registry, repository: str, beside: Collection[Referrer], ids: Collection[str]
) -> Verdict | None:
    """A verdict that passed whole and is about the image with one of these ids, of what lies beside it. Raises
    RegistryError."""
    for body in readable(registry, repository, (one for one in beside if one.kind == VERDICT)):
        try:
            verdict = Verdict.model_validate_json(body)
        except ValueError:  # of another version, or no verdict at all
            continue
        if verdict.whole and verdict.image_id in ids:
            return verdict
    return None
