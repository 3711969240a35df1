"""Platform selectors of environment.yml (CEP 24): `# [linux64]` behind a line, and `sel(linux): spec` in its place.

They filter lines before anything is read. What holds on no platform of an image is left out, and what holds on all
of them stays; `# [aarch64]` holds on one, and whether that can be honoured depends on the image's platforms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.values import Platform

_COMMENT = re.compile(r"(?P<kept>.*?\S.*?)\s+#\s*\[(?P<said>[^\[\]]+)\]\s*")
_KEY = re.compile(r"sel\(\s*(?P<said>unix|linux|osx|win)\s*\)")
_WORD = re.compile(r"\s*(?:(?P<paren>[()])|(?P<word>[a-z_0-9]+))")

# conda-build's names of operating systems and architectures, and the machines among ours that they are true for.
_AMD64: frozenset[Platform] = frozenset({"linux/amd64"})
_ARM64: frozenset[Platform] = frozenset({"linux/arm64"})
_BOTH = _AMD64 | _ARM64
_NAMES: dict[str, frozenset[Platform]] = {
    **dict.fromkeys(("unix", "linux"), _BOTH),
    **dict.fromkeys(("linux64", "x86_64", "x86", "x64"), _AMD64),
    "aarch64": _ARM64,
    **dict.fromkeys(("win", "win32", "win64", "osx", "osx64", "arm64", "linux32", "armv6l", "armv7l"), frozenset()),
    **dict.fromkeys(("ppc64le", "s390x", "emscripten", "wasi", "freebsd", "zos"), frozenset()),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filtered:
    """Text without the lines that hold on no platform: those are empty, so that the others stand where they stood.

    only: line (from 1) to the one platform it holds on. dropped: lines that were taken out.
    """

    text: str
    only: Mapping[int, Platform] = field(default_factory=dict)
    dropped: tuple[int, ...] = ()


def filter_lines(text: str) -> Filtered:
    """Honour the comment selectors of a YAML text. A comment that is no selector stays a comment."""
    if "[" not in text or "#" not in text:
        return Filtered(text)
    lines = text.split("\n")
    only: dict[int, Platform] = {}
    dropped = []
    for at, line in enumerate(lines):
        found = None if line.lstrip().startswith("#") else _COMMENT.fullmatch(line)
        holds = holds_on(found["said"]) if found else None
        if holds is None or holds == _BOTH:
            continue
        if holds:
            only[at + 1] = next(iter(holds))
        else:
            lines[at] = "\r" if line.endswith("\r") else ""
            dropped.append(at + 1)
    return Filtered("\n".join(lines), only, tuple(dropped))


def key_holds_on(key: str) -> frozenset[Platform] | None:
    """Where `sel(linux)` as a key holds; None for any other key."""
    found = _KEY.fullmatch(key)
    return _NAMES[found["said"]] if found else None


def holds_on(said: str) -> frozenset[Platform] | None:
    """The platforms that an expression is true for; None where it is no selector."""
    words: list[str] = []
    at = 0
    while at < len(said.rstrip()):
        found = _WORD.match(said, at)
        if not found:
            return None
        words.append(found["paren"] or found["word"])
        at = found.end()
    known = _NAMES.keys() | {"and", "or", "not", "(", ")"}
    if not words or len(words) > 50 or any(word not in known for word in words):
        return None
    try:
        holds, rest = _either(words)
    except (IndexError, KeyError):
        return None
    return None if rest else holds


Parsed = tuple[frozenset[Platform], list[str]]


def _either(words: list[str]) -> Parsed:
    holds, rest = _both(words)
    while rest[:1] == ["or"]:
        more, rest = _both(rest[1:])
        holds |= more
    return holds, rest


def _both(words: list[str]) -> Parsed:
    holds, rest = _one(words)
    while rest[:1] == ["and"]:
        more, rest = _one(rest[1:])
        holds &= more
    return holds, rest


def _one(words: list[str]) -> Parsed:
    if words[0] == "not":
        holds, rest = _one(words[1:])
        return _BOTH - holds, rest
    if words[0] == "(":
        holds, rest = _either(words[1:])
        if rest[0] != ")":
            raise IndexError
        return holds, rest[1:]
    return _NAMES[words[0]], words[1:]
