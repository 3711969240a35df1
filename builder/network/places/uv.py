"""uv: indexes in variables and uv.toml, the variables that name a user for one, and what `uv auth login` keeps."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.network.places import Here, text_of, unreadable
from builder.network.secret import Entry, Secret, entry_of_url

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


def entries(here: Here) -> Iterator[Entry]:
    """The variables, the files of user and machine, then uv's own store."""
    for name in _VARIABLES:
        for word in here.environ.get(name, "").split():
            yield from _index(word, name, here)
    for path in _files(here):
        for name, url in _listed(_read(path)):
            yield from _index(f"{name}={url}" if name else url, here.shown(path), here)
    yield from _logins(here)


def names_index(here: Here) -> bool:
    """Whether a variable or a file says where wheels come from."""
    if any(here.environ.get(name) for name in _VARIABLES):
        return True
    return any(True for path in _files(here) for _ in _listed(_read(path)))


def _index(word: str, place: str, here: Here) -> Iterator[Entry]:
    """An index as uv writes it, `NAME=URL` or a URL; UV_INDEX_NAME_USERNAME and _PASSWORD belong to a name."""
    name, equals, url = word.partition("=")
    if not equals or "://" in name:
        name, url = "", word
    stem = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
    user = here.environ.get(f"{stem}_USERNAME", "") if name else ""
    password = here.environ.get(f"{stem}_PASSWORD", "") if name else ""
    found = entry_of_url(url, f"{stem}_PASSWORD" if password else place, user=user, password=password)
    if found is not None:
        # Files of an index lie where it says, often beside it; uv too gives the password to the whole host.
        yield Entry(found.secret, found.host, found.scheme)


def _files(here: Here) -> Iterator[Path]:
    if here.environ.get("UV_NO_CONFIG", "").lower() in {"1", "true", "yes", "on"}:
        return
    if here.environ.get("UV_CONFIG_FILE"):
        yield here.path(here.environ["UV_CONFIG_FILE"])
        return
    yield here.config / "uv" / "uv.toml"
    for folder in here.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        yield Path(folder) / "uv" / "uv.toml"
    yield Path("/etc/uv/uv.toml")


def _listed(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    pip = found.get("pip")
    for table in (found, pip if isinstance(pip, dict) else {}):
        for row in table.get("index", ()):
            if isinstance(row, dict) and isinstance(row.get("url"), str):
                yield str(row.get("name", "")), row["url"]
        urls = [
            table.get("index-url"),
            *(table.get("extra-index-url") or ()),
            *(table.get("find-links") or ()),
        ]
        yield from (("", url) for url in urls if isinstance(url, str))


def _logins(here: Here) -> Iterator[Entry]:
    own = here.environ.get("UV_CREDENTIALS_DIR")
    path = (here.path(own) if own else here.data / "uv" / "credentials") / "credentials.toml"
    for row in _read(path).get("credential", ()):
        service, place = str(row.get("service", "")), here.shown(path)
        if "://" not in service:
            service = f"https://{service}"
        user, password, token = (row.get(name) or "" for name in ("username", "password", "token"))
        if token and row.get("scheme") == "bearer":
            found = entry_of_url(service, place, user="bearer", password=str(token))
            if found is not None:
                secret = Secret("bearer", str(token), place=place)
                yield Entry(secret, found.host, found.scheme, found.path)
        elif (found := entry_of_url(service, place, user=str(user), password=str(password))) is not None:
            yield found


def _read(path: Path) -> Mapping[str, Any]:
    text = text_of(path)
    if text is None:
        return {}
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        found: Mapping[str, Any] = reader.loads(text)
    except ValueError:  # its own text may repeat the line
        unreadable(path, "it is no TOML")
        return {}
    return found
