"""conda: tokens and passwords in the URLs of condarc files, and the tokens that anaconda-client keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from builder.network.places import Here, text_of, unreadable
from builder.network.secret import Entry, Secret, entry_of_url

_NAMES = (".condarc", "condarc")
_KEYS = (
    "channels",
    "default_channels",
    "channel_alias",
    "migrated_channel_aliases",
    "custom_channels",
    "custom_multichannels",
    "whitelist_channels",
    "allowlist_channels",
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def entries(here: Here) -> Iterator[Entry]:
    """CONDA_* variables, then condarc files (the nearest first, as in conda), then anaconda-client's tokens."""
    for name in ("CONDA_CHANNEL_ALIAS", "CONDA_CHANNELS"):
        for url in re.split(r"[,\s]+", here.environ.get(name, "")):
            if (entry := entry_of_url(url, name)) is not None:
                yield entry
    for path in _files(here):
        for url in _urls(_read(path), here):
            if (entry := entry_of_url(url, here.shown(path))) is not None:
                yield entry
    yield from _client_tokens(here)


def _files(here: Here) -> Iterator[Path]:
    if here.environ.get("CONDARC"):
        yield here.path(here.environ["CONDARC"])
    for folder in _folders(here):
        yield from sorted([*folder.glob("condarc.d/*.yml"), *folder.glob("condarc.d/*.yaml")], reverse=True)
        yield from (folder / name for name in reversed(_NAMES))


def _folders(here: Here) -> Iterator[Path]:
    if here.environ.get("CONDA_PREFIX"):
        yield here.path(here.environ["CONDA_PREFIX"])
    yield from (here.home, here.home / ".conda", here.home / ".config" / "conda")
    if here.environ.get("XDG_CONFIG_HOME"):
        yield here.config / "conda"
    for name in ("CONDA_ROOT", "MAMBA_ROOT_PREFIX"):
        if here.environ.get(name):
            yield here.path(here.environ[name])
    yield from (Path("/var/lib/conda"), Path("/etc/conda"))


def _read(path: Path) -> dict[str, Any]:
    text = text_of(path)
    if text is None:
        return {}
    import yaml  # noqa: PLC0415  (only where there is such a file)

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:  # its own text repeats the line
        mark = getattr(error, "problem_mark", None)
        unreadable(path, f"it is no YAML (line {mark.line + 1})" if mark else "it is no YAML")
        return {}
    return found if isinstance(found, dict) else {}


def _urls(found: dict[str, Any], here: Here) -> Iterator[str]:
    for key in _KEYS:
        yield from (_expanded(text, here) for text in _texts(found.get(key)) if "://" in text)
    # `custom_channels: {name: URL}` is the channel URL/name.
    custom = found.get("custom_channels")
    if isinstance(custom, dict):
        yield from (
            f"{_expanded(place, here).rstrip('/')}/{name}"
            for name, place in custom.items()
            if isinstance(place, str) and "://" in place
        )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)


def _expanded(text: str, here: Here) -> str:
    """With `$NAME` and `${NAME}` of the environment, as conda reads its files; unknown names stay."""
    return _VARIABLE.sub(lambda found: here.environ.get(found[1] or found[2], found[0]), text)


def _client_tokens(here: Here) -> Iterator[Entry]:
    """Files `URL.token`: the token of an API's server holds for its conda server (api.HOST: conda.HOST)."""
    own = here.environ.get("BINSTAR_CONFIG_DIR")
    folder = Path(own) / "data" if own else here.data / "binstar"
    for path in sorted(folder.glob("*.token")):
        url = unquote_plus(path.name.removesuffix(".token"))
        token = (text_of(path) or "").strip()
        parts = urlsplit(url)
        if not token or not parts.hostname:
            continue
        for place in dict.fromkeys((url, re.sub(r"([./])api([./]|$)", r"\1conda\2", url, count=1))):
            base = urlsplit(place).path.rstrip("/")
            netloc = urlsplit(place).netloc.lower()
            secret = Secret("token", token, place=here.shown(path), base=base)
            yield Entry(secret, netloc, parts.scheme, base)
