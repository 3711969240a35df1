"""Anaconda's terms: channels that need them are not asked before the definition accepts them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from builder.errors import LockError
from builder.spec.model import ImageSpec

_NAMES = frozenset({"defaults", "anaconda", "main", "r", "msys2"})
_URL = re.compile(
    r"(https?:)?//([^/]*@)?(repo\.(anaconda\.com|continuum\.io)|conda\.anaconda\.org/(t/[^/]+/)?(anaconda|main|r|msys2|pkgs)(/|$))"
)


def needs_terms(channel: str) -> bool:
    """Whether a channel (a name, `pkgs/main`, or a URL) is governed by Anaconda's terms."""
    plain = channel.strip().lower().rstrip("/")
    name = plain.split("/", 1)[0]
    return plain in _NAMES or name == "pkgs" or _URL.match(plain) is not None


def check_channels(spec: ImageSpec) -> None:
    """Raise LockError when a channel needs terms that the definition does not accept."""
    if spec.accept_anaconda_terms:
        return
    for environment in spec.environments:
        prefixes = (line.partition("::")[0] for line in environment.conda if "::" in line)
        found = [channel for channel in (*environment.channels, *prefixes) if needs_terms(channel)]
        if found:
            raise _refused(f"channel {', '.join(dict.fromkeys(found))}", str(environment.file))


def check_urls(spec: ImageSpec, urls: Iterable[str], where: str) -> None:
    """Raise LockError when a solved package comes from such a channel without acceptance."""
    found = [url for url in urls if needs_terms(url)]
    if found and not spec.accept_anaconda_terms:
        raise _refused(f"package {found[0]}", where)


def _refused(what: str, where: str) -> LockError:
    return LockError(
        f"{what} is governed by Anaconda's terms of service, which image.yml does not accept",
        where=where,
        fix="use channels: [conda-forge, nodefaults], or read the terms and set accept_anaconda_terms: true",
    )
