"""What conda, its installer and uv say in a build when it fails, and what that means."""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_SPACE = re.compile(r"no space left on device|\[errno 28\]|disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Advice:
    """The cause in one sentence, and what to do next."""

    what: str
    fix: str


_AGAIN = "remove the image of its group (`docker rmi`) and build again with --force"

# In this order: the first that is found is the cause, and conda's other words follow from it.
_SIGNS = (
    (
        re.compile(r"ChecksumMismatchError|FAILED open or read|computed checksums? did NOT match", re.IGNORECASE),
        Advice("a package in the build is not what the lock names", _AGAIN),
    ),
    (
        re.compile(r"CondaVerificationError|appears to be corrupted|InvalidArchiveError", re.IGNORECASE),
        Advice("conda found a damaged package", _AGAIN),
    ),
    (
        re.compile(r"PackagesNotFound|ResolvePackageNotFound", re.IGNORECASE),
        Advice("conda does not find a package that the lock names", "make the lock again (`imgbuild lock`)"),
    ),
    (
        re.compile(r"OfflineError|HTTP 000 CONNECTION FAILED|CondaHTTPError", re.IGNORECASE),
        Advice(
            "conda asked for the network, and a build has none",
            "something in the page or a hook installs what the lock does not hold: add it to environment.yml",
        ),
    ),
    (
        re.compile(r"CondaToSNonInteractiveError|Terms of Service have not been accepted", re.IGNORECASE),
        Advice(
            "a channel's terms of service were not accepted",
            "read them, then set accept_anaconda_terms: true in image.yml, or use conda-forge",
        ),
    ),
    (
        re.compile(r"Pip failed", re.IGNORECASE),
        Advice("the pip part of the environment failed", "its last lines say why"),
    ),
)  # fmt: skip


def advice(text: str) -> Advice | None:
    """What these lines of a failed step mean; None where they say it best themselves."""
    return next((meaning for sign, meaning in _SIGNS if sign.search(text)), None)


def no_space(text: str) -> bool:
    """Whether these words say that a disk is full: conda wraps that into other errors."""
    return NO_SPACE.search(text) is not None
