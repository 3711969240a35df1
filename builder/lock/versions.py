"""Which of two versions is the newer one, in the order that their own manager has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_END: tuple[list[int], int] = ([0], 0)  # a missing number counts as 0
_PARTS = re.compile(r"([^0-9]*)([0-9]*)")


def order(manager: str, old: str, new: str) -> int:
    """1 where new is the newer version, -1 where it is the older one, 0 where they are the same or nobody can tell."""
    if old == new:
        return 0
    key = _KEYS[manager]
    try:
        before, after = key(old), key(new)
        return int(after > before) - int(after < before)
    except (ValueError, TypeError):
        return 0


def _conda(text: str) -> Any:
    from rattler import Version  # noqa: PLC0415  (a tenth of a second, spent only where versions differ)
    from rattler.exceptions import InvalidVersionError  # noqa: PLC0415

    try:
        return Version(text)
    except InvalidVersionError as error:
        raise ValueError(text) from error


def _pip(text: str) -> Any:
    from packaging.version import Version  # noqa: PLC0415

    return Version(text)  # its InvalidVersion is a ValueError


def _debian(text: str) -> Any:
    """`epoch:upstream-revision` as deb-version(7) compares it."""
    epoch, colon, rest = text.partition(":")
    upstream, _, revision = (
        (rest if colon else text).rpartition("-") if "-" in text else (rest or text, "", "")
    )
    return int(epoch) if colon else 0, _debian_part(upstream), _debian_part(revision)


def _debian_part(text: str) -> list[tuple[list[int], int]]:
    pairs = [
        ([*map(_weight, letters), 0], int(digits or 0))
        for letters, digits in _PARTS.findall(text)
        if letters or digits
    ]
    while pairs and pairs[-1] == _END:
        pairs.pop()
    return [*pairs, _END]


def _weight(char: str) -> int:
    """`~` sorts before the end (0) of a part, letters after it, and all else after letters."""
    return -1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256


_KEYS: dict[str, Callable[[str], Any]] = {"conda": _conda, "pip": _pip, "apt": _debian}
