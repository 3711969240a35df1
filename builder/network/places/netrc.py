"""netrc: NETRC, else ~/.netrc (then ~/_netrc), a host a line."""

from __future__ import annotations

import netrc
from collections.abc import Iterator
from pathlib import Path

from builder.network.places import Here, log, unreadable
from builder.network.secret import Entry, Secret

OPEN_TO_OTHERS = 0o077


def entries(here: Here) -> Iterator[Entry]:
    """What the first netrc there is says; `default` counts for every host."""
    path = next((one for one in _places(here) if one.is_file()), None)
    if path is None:
        return
    try:
        found = netrc.netrc(str(path)).hosts
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        unreadable(path, getattr(error, "strerror", None) or "is no text")
        return
    except netrc.NetrcParseError as error:
        unreadable(path, f"line {error.lineno} cannot be understood")
        return
    if mode & OPEN_TO_OTHERS:
        # It is used all the same, as curl and uv do.
        log.warning("%s can be read by others on this machine: chmod 600 %s", path, path)
    for host, (login, account, password) in found.items():
        secret = Secret("basic", password or "", login or account or "", here.shown(path))
        yield Entry(secret, "" if host == "default" else host.lower())


def _places(here: Here) -> Iterator[Path]:
    named = here.environ.get("NETRC")
    if named:
        yield here.path(named)
        return
    yield from (here.home / ".netrc", here.home / "_netrc")
