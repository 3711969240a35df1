"""What makes two images the same image: a digest over everything that can change the content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from builder import __version__
from builder.errors import UsageError
from builder.lock.model import LockSet
from builder.plan import PackageGroup, Plan, group_packages
from builder.render.model import Rendered
from builder.render.page import Templates, render
from builder.spec.model import ImageSpec
from builder.values import digest_of


def make_plan(spec: ImageSpec, lock: LockSet, templates: Templates) -> Plan:
    """The plan of one image. Raises what `render` and `group_packages` raise; needs no engine."""
    groups = group_packages(lock)
    rendered = render(spec, lock, groups, templates=templates)
    return Plan(spec=spec, lock=lock, groups=groups, digest=_identity(lock, groups, rendered))


def finished(plan: Plan, templates: Templates, *, plain_mounts: bool = False) -> Rendered:
    """The page to build: with the labels that are no part of the identity, and the identity itself.

    Raises UsageError when a file of the definition was changed since the plan was made: the image would carry the
    digest of something else.
    """
    bare = render(plan.spec, plan.lock, plan.groups, templates=templates)
    labels = {"io.imgbuild.plan": plan.digest, "io.imgbuild.version": __version__}
    page = render(
        plan.spec, plan.lock, plan.groups, templates=templates, plain_mounts=plain_mounts, extra_labels=labels
    )
    own = {name: file for name, file in bare.files.items() if name in page.files}
    if _identity(plan.lock, plan.groups, bare) != plan.digest or any(
        page.files[name] != own[name] for name in own
    ):
        raise UsageError(
            f"files of {plan.spec.ref} were changed while it was made",
            where=str(plan.spec.folder),
            fix="run it again",
        )
    return page


def _identity(lock: LockSet, groups: Sequence[PackageGroup], rendered: Rendered) -> str:
    return digest_of(
        {
            "page": rendered.dockerfile,
            "files": {name: [_hash(file.content), file.mode] for name, file in rendered.files.items()},
            "groups": [group.digest for group in groups],
            "base": lock.base.model_dump(mode="json"),
            "platform": lock.platform,
        }
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
