"""Decide first, act later: the plan of one image is a plain value with an identity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from builder.errors import LockError
from builder.lock.model import LockedFile, LockSet
from builder.spec.model import ImageSpec
from builder.store.group import PackageGroup
from builder.values import Value

LARGE = 32 << 20
FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!%~-]*")

__all__ = ["LARGE", "Estimate", "PackageGroup", "Plan", "group_packages"]


class Plan(Value):
    """What one build will do. digest is the image's identity: all that can change its content."""

    spec: ImageSpec
    lock: LockSet
    groups: tuple[PackageGroup, ...]
    digest: str


class Estimate(Value):
    """fetch: bytes to download. image: expected size. engine and store: most bytes that their disks take on top of what
    is there now; least: what the engine's takes at the very least. seconds: rough, and without the downloads. unknown:
    files to download whose size nobody tells, which count as nothing."""

    fetch: int
    image: int
    engine: int
    least: int
    store: int
    seconds: float
    unknown: int = 0


def group_packages(lock: LockSet) -> tuple[PackageGroup, ...]:
    """Which files enter the engine together: installer, uv, OS packages, each environment's conda and pip packages.

    A file of 32 MiB or more is a group of its own, so that one changed package does not bring the others
    along; the rest of one environment and manager is one group. Raises LockError for two files of one name in
    a group.
    """
    groups = [PackageGroup(kind="installer", files=(_bare(lock.installer),))]
    if lock.uv is not None:
        groups.append(PackageGroup(kind="uv", files=(_bare(lock.uv),)))
    groups += _split("apt", "", lock.apt)
    for environment in lock.environments:
        groups += _split("conda", environment.name, environment.conda)
        groups += _split("pip", environment.name, environment.pip)
    return tuple(groups)


def _split(
    kind: Literal["apt", "conda", "pip"], environment: str, packages: Iterable[LockedFile]
) -> Iterator[PackageGroup]:
    """The small files together, then each large one."""
    files = sorted((_bare(package) for package in packages), key=lambda file: file.filename)
    names = [file.filename for file in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"two packages share the file name {twice[0]}"
        raise LockError(what, where=environment or "apt", fix="make the lock again: imgbuild lock")
    small = tuple(file for file in files if (file.size or 0) < LARGE)
    if small:
        yield PackageGroup(kind=kind, environment=environment, files=small)
    for file in files:
        if (file.size or 0) >= LARGE:
            yield PackageGroup(kind=kind, environment=environment, files=(file,))


def _bare(file: LockedFile) -> LockedFile:
    """The file without what only the lock cares about, so that equal bytes are equal groups."""
    if not FILENAME.fullmatch(file.filename):
        what = f"{file.filename!r} cannot be a package's file name"
        raise LockError(what, where=file.url, fix="make the lock again: imgbuild lock")
    return LockedFile(url=file.url, sha256=file.sha256, size=file.size)
