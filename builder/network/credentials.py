"""Which secret a URL is asked with.

The entry that names the address most exactly wins: the longest path, then a host, then `*.host`, then netrc's
`default`. Among equals the place decides, in this order: uv (variables, uv.toml, `uv auth login`), conda (variables,
condarc, anaconda-client), rattler and pixi, netrc.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from builder.network.places import Here, conda, here, netrc, rattler, uv
from builder.network.secret import PORTS, Entry, Secret

PLACES: tuple[Callable[[Here], Iterable[Entry]], ...] = (
    uv.entries,
    conda.entries,
    rattler.entries,
    netrc.entries,
)


class Credentials:
    """What this machine knows, read when the first URL is asked for and not before."""

    def __init__(self, read: Callable[[], Iterable[Entry]] = tuple) -> None:
        self._read = read

    @functools.cached_property
    def _entries(self) -> tuple[Entry, ...]:
        # A stable sort: among equals the order of the places stays.
        return tuple(sorted(self._read(), key=lambda entry: entry.rank, reverse=True))

    def for_url(self, url: str) -> Secret | None:
        """The secret for this very address, or None."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS:
            return None
        return next((entry.secret for entry in self._entries if entry.fits(parts)), None)


def credentials_at(place: Here) -> Credentials:
    """What the places of a home and its variables hold."""

    def read() -> Iterator[Entry]:
        for entries in PLACES:
            yield from entries(place)

    return Credentials(read)


@functools.cache
def credentials() -> Credentials:
    """This machine's."""
    return credentials_at(here())


def login_advice(url: str) -> str:
    """What to do when a server wants credentials that were not found, or refuses those that were."""
    host = urlsplit(url).hostname or "HOST"
    secret = credentials().for_url(url)
    if secret is not None:
        return f"{host} refuses what {secret.place} holds for it: renew it there"
    return (
        f"put `machine {host} login USER password SECRET` into ~/.netrc, a token into ~/.condarc, or log in with "
        "`anaconda login`, `pixi auth login` or `uv auth login` (docs/networks.md has all places)"
    )
