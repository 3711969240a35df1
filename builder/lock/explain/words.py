"""Names, versions and constraints as words, and lines that fit eighty columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from rattler import VersionWithSource

from builder.lock.explain.pool import Candidate

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
WIDTH = 76  # the boundary puts four characters before each line
_MINOR = re.compile(r"(?:>=|==?)?(\d+)\.(\d+)(?:\.\d+|\.\*)*(?:,<(\d+)\.(\d+)(?:\.0?a0|\.0)?)?")


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def distinct(versions: Iterable[VersionWithSource]) -> list[str]:
    """Versions as written, oldest first, each once."""
    return list(dict.fromkeys(str(version) for version in sorted(versions)))


def versions(candidates: Iterable[Candidate], last: str = "and") -> str:
    """`1.0`, `1.0, 1.1 and 2.0`, or `1.0 to 2.4 (17 versions)`."""
    found = distinct(one.version for one in candidates)
    if len(found) > 4:
        return f"{found[0]} to {found[-1]} ({len(found)} versions)"
    return listed(found, last) if found else "none"


def newest(candidates: Iterable[Candidate], most: int = 4) -> str:
    """The newest few versions, newest first."""
    found = distinct(one.version for one in candidates)[::-1]
    more = f", ... {found[-1]}" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def constraint(text: str) -> str:
    """What a dependency says of its package, without the name: `>=1.2`; empty where anything will do."""
    rest = _NAME.sub("", text, count=1).strip()
    version, _, build = rest.partition(" ")
    build = "" if build in {"", "*"} else f" {build}"
    version = re.sub(r"\.0\.?a0(?=,|$|\|)", "", version)
    return "" if version in {"", "*"} and not build else f"{version}{build}"


def needed(name: str, texts: Sequence[str]) -> str:
    """`numpy`, `numpy <2`, `numpy <2 or ==3`, `python 3.10, 3.11 or 3.12`."""
    said = list(dict.fromkeys(constraint(text) for text in texts))
    if "" in said:
        return name
    minors = [_minor(one) for one in said]
    if name == "python" and all(minors):
        return f"python {listed(_ordered([minor for minor in minors if minor]), 'or')}"
    shown = said if len(said) <= 3 else [*said[:2], f"one of {len(said) - 2} other ranges"]
    return f"{name} {listed(shown, 'or')}"


def _minor(text: str) -> str:
    """`3.11` of `>=3.11,<3.12` and of `3.11.*`, which name one minor version; else empty."""
    found = _MINOR.fullmatch(text.partition(" ")[0])
    if not found:
        return ""
    if found[3] is None:
        return f"{found[1]}.{found[2]}" if not text.startswith(">") else ""
    one_above = (found[1], int(found[2]) + 1) == (found[3], int(found[4]))
    return f"{found[1]}.{found[2]}" if one_above else ""


def _ordered(minors: Iterable[str]) -> list[str]:
    return sorted(set(minors), key=lambda minor: [int(part) for part in minor.split(".")])


def wrapped(text: str, indent: int = 0) -> list[str]:
    """A sentence in lines of at most WIDTH characters; what follows the first is indented further."""
    blank = " " * indent
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=blank,
        subsequent_indent=f"{blank}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
