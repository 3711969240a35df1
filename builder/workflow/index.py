"""One index over the platforms of an image, and never an incomplete one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from builder.plan import Plan
from builder.progress import silent
from builder.publish.tags import permanent_tag
from builder.publish.there import Held
from builder.registry.manifest import INDEXES, Manifest, read_document
from builder.registry.write import Writer
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.values import canonical_json
from builder.workflow.planning import plan_image
from builder.workflow.sources import choose


@dataclass(frozen=True, slots=True)
class Index:
    """The index, or the platforms that are not in the registry yet; then the body is empty."""

    body: bytes = b""
    waiting: tuple[Platform, ...] = ()

    @property
    def media_type(self) -> str:
        """Of OCI."""
        return INDEXES[0]

    @property
    def digest(self) -> str:
        """Of the body."""
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"


def index_of(
    project: Project, spec: ImageSpec, plan: Plan, mine: Held, writer: Writer, kit: str | None
) -> Index | None:
    """The index of an image that is declared for several platforms; None for one.

    The others are found by their own plans' permanent tags, whoever pushed them. Raises LockError where a platform has
    no lock, RegistryError.
    """
    if len(spec.platforms) == 1:
        return None
    rows: list[dict[str, Any]] = []
    waiting: list[Platform] = []
    for platform in spec.platforms:
        if platform == plan.lock.platform:
            rows.append(_row(mine.document.media_type, mine.digest, len(mine.document.body), platform))
            continue
        source = choose(project, spec.ref, kit)
        other = plan_image(project, spec, source, platform, locked=True, observer=silent).plan
        found = writer.find_manifest(permanent_tag(other.digest))
        if found is None or not isinstance(
            read_document(found.body, found.media_type, str(platform)), Manifest
        ):
            waiting.append(platform)
        else:
            rows.append(_row(found.media_type, found.digest, len(found.body), platform))
    if waiting:
        return Index(waiting=tuple(waiting))
    document = {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": rows}
    return Index(canonical_json(document))


def _row(media_type: str, digest: str, size: int, platform: Platform) -> dict[str, Any]:
    system, _, architecture = platform.partition("/")
    return {
        "mediaType": media_type,
        "digest": digest,
        "size": size,
        "platform": {"os": system, "architecture": architecture},
    }
