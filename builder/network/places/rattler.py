"""rattler and pixi: RATTLER_AUTH_FILE, and ~/.rattler/credentials.json where `auth login` has no keyring."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.network.places import Here, text_of, unreadable
from builder.network.secret import Entry, Secret


def entries(here: Here) -> Iterator[Entry]:
    """Each host of the files, with `*.` for all below it."""
    named = here.environ.get("RATTLER_AUTH_FILE")
    for path in ([here.path(named)] if named else []) + [here.home / ".rattler" / "credentials.json"]:
        for host, said in _read(path).items():
            secret = _secret(said, here.shown(path))
            if secret is not None:
                yield Entry(secret, host.lower())


def _read(path: Path) -> Mapping[str, Any]:
    text = text_of(path)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        unreadable(path, f"it is no JSON (line {getattr(error, 'lineno', 1)})")
        return {}
    return found if isinstance(found, dict) else {}


def _secret(said: object, place: str) -> Secret | None:
    if not isinstance(said, dict):
        return None
    if isinstance(token := said.get("BearerToken"), str):
        return Secret("bearer", token, place=place)
    if isinstance(token := said.get("CondaToken"), str):
        return Secret("token", token, place=place)
    basic = said.get("BasicHTTP")
    if isinstance(basic, dict):
        return Secret("basic", str(basic.get("password", "")), str(basic.get("username", "")), place)
    return None
