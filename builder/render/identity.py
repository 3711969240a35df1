"""What makes two images the same image: a digest over everything that can change the content."""

from __future__ import annotations

import hashlib

from builder import __version__
from builder.lock.model import LockSet
from builder.plan import Plan, group_packages
from builder.render.model import Rendered
from builder.render.page import Templates, render
from builder.spec.model import ImageSpec
from builder.values import digest_of


def make_plan(spec: ImageSpec, lock: LockSet, templates: Templates) -> Plan:
    """The plan of one image. Raises what `render` and `group_packages` raise; needs no engine."""
    groups = group_packages(lock)
    rendered = render(spec, lock, groups, templates=templates)
    parts = {
        "page": rendered.dockerfile,
        "files": {name: [_hash(file.content), file.mode] for name, file in rendered.files.items()},
        "groups": [group.digest for group in groups],
        "base": lock.base.model_dump(mode="json"),
        "platform": lock.platform,
    }
    return Plan(spec=spec, lock=lock, groups=groups, digest=digest_of(parts))


def finished(plan: Plan, templates: Templates, *, plain_mounts: bool = False) -> Rendered:
    """The page to build: with the labels that are no part of the identity, and the identity itself."""
    labels = {"io.imgbuild.plan": plan.digest, "io.imgbuild.version": __version__}
    return render(
        plan.spec, plan.lock, plan.groups, templates=templates, plain_mounts=plain_mounts, extra_labels=labels
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
