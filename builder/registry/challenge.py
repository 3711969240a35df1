"""`WWW-Authenticate`: how a server wants to be asked (RFC 9110 11.6.1; for `Bearer`, distribution's token spec)."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  (the grammar's word for a word)
_PIECE = re.compile(
    rf'\s*,?\s*(?:(?P<key>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_TOKEN}))|(?P<scheme>{_TOKEN}))'
)


class Challenge(NamedTuple):
    """scheme in lower case: `basic`, `bearer`; its parameters by lower-case names."""

    scheme: str
    parameters: dict[str, str]


def challenges(header: str) -> tuple[Challenge, ...]:
    """All of them, in the order of the header; what cannot be read ends the reading."""
    found: list[Challenge] = []
    at = 0
    while piece := _PIECE.match(header, at):
        at = piece.end()
        if piece["scheme"]:
            found.append(Challenge(piece["scheme"].lower(), {}))
        elif found:
            value = re.sub(r"\\(.)", r"\1", piece["quoted"]) if piece["plain"] is None else piece["plain"]
            found[-1].parameters[piece["key"].lower()] = value
        else:
            break
    return tuple(found)
