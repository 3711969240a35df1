"""Taking secrets out of texts: each one that was read so far, and whatever looks like one in a URL or a header."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

MASK = "***"
_SHORTEST = 4  # characters; masking a shorter one would eat ordinary words, and it stands in no text alone

_known: set[str] = set()

_PATTERNS = (
    (re.compile(r"(https?://[^\s\"'<>]*?/t/)[^/\s\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#\"'<>]*@"), rf"\1{MASK}@"),
    (
        re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token)\s+)[^\s\"',;]+"),
        rf"\1{MASK}",
    ),
)


def remember(value: str, user: str = "") -> None:
    """Never let this value out again, in whatever spelling it travels: plain, encoded, escaped, as a header."""
    spellings = {value, quote(value, safe=""), quote(value), unquote(value)}
    spellings |= {repr(value)[1:-1], json.dumps(value)[1:-1]}
    # A token may stand in the place of the user's name.
    pairs = (f"{user}:{value}",) if user else (f"{value}:", f":{value}")
    spellings |= {b64encode(pair.encode()).decode() for pair in pairs}
    _known.update(one for one in spellings if len(one) >= _SHORTEST)


def redacted(text: str) -> str:
    """The text without secrets."""
    _remember_proxies(os.environ)
    for value in sorted(_known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, MASK)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def public(url: str) -> str:
    """The URL without user, password, conda token and query, for messages and logs."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL at all, so nobody can say what in it is secret
        return MASK
    host = parts.netloc.rsplit("@", 1)[-1]
    return redacted(urlunsplit((parts.scheme, host, parts.path, "", "")))


def redacted_values(data: Any) -> Any:
    """The same data with every string in it redacted; keys stay as they are."""
    if isinstance(data, str):
        return redacted(data)
    if isinstance(data, Mapping):
        return {key: redacted_values(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [redacted_values(value) for value in data]
    return data


def _remember_proxies(environ: Mapping[str, str]) -> None:
    for name, value in environ.items():
        # Taken apart by hand: people write proxies without a scheme, and passwords with characters that end a URL's
        # host. What stands before the last @ is user and password in every reading.
        before, at, _host = value.rpartition("@")
        if not at or not name.lower().endswith("_proxy"):
            continue
        user, colon, password = before.rpartition("://")[2].partition(":")
        if colon and password:
            remember(password, user)
            remember(unquote(password), unquote(user))
