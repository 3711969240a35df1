"""What `apt:` comes to, and who is asked for it."""

from __future__ import annotations

import re
from collections.abc import Callable

from builder.lock.model import AptPackage, AptRelease, LockedBase
from builder.spec.model import ImageSpec, Platform
from builder.values import Value

DEBIAN_ARCHITECTURE: dict[Platform, str] = {"linux/amd64": "amd64", "linux/arm64": "arm64"}


class AptPackages(Value):
    """The packages to add to a base, sorted by name, and the release files they were found with."""

    packages: tuple[AptPackage, ...] = ()
    releases: tuple[AptRelease, ...] = ()


ResolveApt = Callable[[ImageSpec, Platform, LockedBase], AptPackages]

_PATH = re.compile(r"[A-Za-z0-9._/~+-]+")


def is_archive_path(word: str) -> bool:
    """Whether a suite or component may become a part of a path: plain characters, and no way up."""
    return _PATH.fullmatch(word) is not None and ".." not in word.split("/")
