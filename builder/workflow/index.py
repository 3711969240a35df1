"""One index over the platforms of an image, and never an incomplete one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.errors import LockError
from builder.plan import Plan
from builder.progress import silent
from builder.publish.tags import permanent_tag
from builder.publish.there import Held, held_whole, passed_verdict
from builder.registry.manifest import INDEXES
from builder.registry.referrers import referrers
from builder.registry.write import Writer
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.values import canonical_json
from builder.workflow.planning import Planned, plan_image
from builder.workflow.supply import LABEL

_CONFIG_LIMIT = 8 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Index:
    """The index, or the platforms that are waited for, each with the reason; then the body is empty."""

    body: bytes = b""
    waiting: Mapping[Platform, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        """Of OCI."""
        return INDEXES[0]

    @property
    def digest(self) -> str:
        """Of the body."""
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"


def other_plans(project: Project, planned: Planned) -> dict[Platform, Plan]:
    """The plans of the other platforms that an image is declared for: what they must have been made from, wherever that
    was. Raises LockError where one has no lock."""
    plan = planned.plan
    found: dict[Platform, Plan] = {}
    for platform in plan.spec.platforms:
        if platform != plan.lock.platform:
            try:
                found[platform] = plan_image(
                    project, plan.spec, planned.source, platform, locked=True, observer=silent
                ).plan
            except LockError as error:
                error.fix += f"; or add --alone, and the tags stand for {plan.lock.platform} alone"
                raise
    return found


def index_of(mine: Held, plan: Plan, others: Mapping[Platform, Plan], writer: Writer, unproven: str) -> Index:
    """The index over an image and those of the other plans, whoever pushed them.

    Each is found under the permanent tag of its own plan, so that an image of another plan is never in it; it must be
    whole, say of itself what it is, and have its passed verdict beside it, unless somebody says why it goes without.
    Raises RegistryError.
    """
    waiting: dict[Platform, str] = {}
    rows: list[dict[str, Any]] = []
    for platform in plan.spec.platforms:
        found = mine if platform == plan.lock.platform else standing(writer, others[platform], unproven)
        if isinstance(found, str):
            waiting[platform] = found
        else:
            rows.append(_row(found, platform))
    if waiting:
        return Index(waiting=waiting)
    return Index(canonical_json({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": rows}))


def standing(writer: Writer, plan: Plan, unproven: str) -> Held | str:
    """The image of a plan as it lies in the repository, or why it does not count."""
    found = held_whole(writer, permanent_tag(plan.digest))
    if found is None:
        return "it is not there yet"
    if not _says(writer, found, plan):
        return "what lies under its permanent tag says that it is another image"
    beside = referrers(writer.registry, writer.repository, found.digest)
    ids = {found.manifest.config, found.digest}
    verdict = passed_verdict(writer.registry, writer.repository, beside, ids)
    if not unproven and (verdict is None or verdict.plan_digest != plan.digest):
        return "no passed verdict lies beside it yet"
    return found


def _says(writer: Writer, found: Held, plan: Plan) -> bool:
    """Whether its configuration is for the plan's platform, and names the plan."""
    body = writer.registry.blob(writer.repository, found.manifest.config, _CONFIG_LIMIT)
    try:
        said = json.loads(body)
        platform = f"{said['os']}/{said['architecture']}"
        label = ((said.get("config") or {}).get("Labels") or {}).get(f"{LABEL}.plan")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return bool(platform == plan.lock.platform and label == plan.digest)


def _row(found: Held, platform: Platform) -> dict[str, Any]:
    system, _, architecture = platform.partition("/")
    return {
        "mediaType": found.document.media_type,
        "digest": found.digest,
        "size": len(found.document.body),
        "platform": {"os": system, "architecture": architecture},
    }
