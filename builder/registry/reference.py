"""Names of images as docker reads them: `debian:12`, `docker.io/library/debian`, `host:5000/a/b@sha256:...`.

Source: distribution/reference:normalize.go and regexp.go (2.8 and later), from which the grammar is taken.
"""

from __future__ import annotations

import re

from builder.errors import UsageError
from builder.values import Value

HUB = "docker.io"
HUB_API = "registry-1.docker.io"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST = 255  # characters of host and repository


class Reference(Value):
    """An image in a registry. host: `docker.io`, `host:5000`. tag is None only beside a digest."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def wanted(self) -> str:
        """What the registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def api(self) -> str:
        """The host that answers for it."""
        return HUB_API if self.host == HUB else self.host

    @property
    def name(self) -> str:
        """The full name without tag and digest."""
        return f"{self.host}/{self.repository}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """A reference as docker would read it. Raises UsageError for what is none."""
    rest, at, digest = text.partition("@")
    host, rest = _split_host(rest)
    repository, colon, tag = rest.partition(":")
    if host == HUB and "/" not in repository:
        repository = f"library/{repository}"
    faults = [
        (_HOST.fullmatch(host), f"`{host}` is no host of a registry"),
        (_REPOSITORY.fullmatch(repository), f"`{repository}` is no repository: lower-case words between slashes"),
        (not colon or _TAG.fullmatch(tag), f"`{tag}` is no tag"),
        (not at or _DIGEST.fullmatch(digest), f"`{digest}` is no digest"),
        (len(host) + len(repository) < _LONGEST, "the name is too long"),
    ]  # fmt: skip
    fault = next((what for good, what in faults if not good), None)
    if fault is not None:
        fix = "write it as debian:12, HOST:PORT/name:tag or HOST/name@sha256:..."
        raise UsageError(fault, where=ascii(text)[1:-1], fix=fix)
    return Reference(
        host=host, repository=repository, tag=tag or (None if at else "latest"), digest=digest or None
    )


def _split_host(text: str) -> tuple[str, str]:
    """The first part is a host when it could not be a word of a repository, or is `localhost`."""
    first, slash, rest = text.partition("/")
    is_host = slash and (
        any(sign in first for sign in ".:") or first == "localhost" or first != first.lower()
    )
    if not is_host:
        return HUB, text
    return (HUB if first in {HUB, "index.docker.io", HUB_API} else first), rest
