"""Anaconda's terms: channels that need them are not asked before the definition accepts them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from builder.errors import LockError
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.spec.model import CondaEnvironment, ImageSpec
from builder.spec.requirements import spec_channel

_NAMES = frozenset({"defaults", "anaconda", "main", "r", "msys2"})
_URL = re.compile(
    r"(https?:)?//([^/]*@)?(repo\.(anaconda\.com|continuum\.io)|"
    r"conda\.anaconda\.org(:[0-9]+)?/+(t/[^/]+/+)?(anaconda|main|r|msys2|pkgs)(/|$))"
)


def needs_terms(channel: str) -> bool:
    """Whether a channel (a name, `pkgs/main`, or a URL) is governed by Anaconda's terms."""
    plain = unquote(channel).strip().lower().rstrip("/")
    name = plain.split("/", 1)[0]
    return plain in _NAMES or name == "pkgs" or _URL.match(plain) is not None


def check_channels(spec: ImageSpec, source: Source | None = None) -> None:
    """Raise LockError when a channel needs terms that the definition does not accept.

    source: tells what a name stands for here, and whose channel a mirror serves.
    """
    if spec.accept_anaconda_terms:
        return
    for environment in spec.environments:
        found = [one for one in _asked(environment) if _governed(one, source)]
        if found:
            raise _refused(f"channel {', '.join(dict.fromkeys(found))}", str(environment.file))


def check_urls(spec: ImageSpec, urls: Iterable[str], where: str, source: Source | None = None) -> None:
    """Raise LockError when a package or channel URL is of such a channel without acceptance."""
    if spec.accept_anaconda_terms:
        return
    for url in urls:
        if needs_terms(url) or (source is not None and needs_terms(source.address(url))):
            raise _refused(url, where)


def check_lock(spec: ImageSpec, lock: LockSet, source: Source) -> None:
    """Raise LockError when the definition or its lock names such a channel: nothing of it is fetched then."""
    check_channels(spec, source)
    where = str(source.lock_folder(spec))
    for environment in lock.environments:
        urls = [*environment.channels, *(package.url for package in environment.conda)]
        check_urls(spec, urls, where, source)


def _asked(environment: CondaEnvironment) -> list[str]:
    """The channels of the file, and those that single specs name."""
    return [*environment.channels, *(name for line in environment.conda if (name := spec_channel(line)))]


def _governed(channel: str, source: Source | None) -> bool:
    if needs_terms(channel) or source is None:
        return needs_terms(channel)
    url = source.channel_url(channel)
    return needs_terms(url) or needs_terms(source.canonical(url))


def _refused(what: str, where: str) -> LockError:
    return LockError(
        f"{what} is governed by Anaconda's terms of service, which image.yml does not accept",
        where=where,
        fix="use channels: [conda-forge, nodefaults], or read the terms and set accept_anaconda_terms: true",
    )
