"""TOML with the places of its keys: the standard reader tells none, so that they are looked for in the text."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any

from builder.spec.document import printable

_TABLE = re.compile(r"\s*\[{1,2}\s*(?P<name>[^\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_.\"'-]+(?:\s*\.\s*[A-Za-z0-9_\"'-]+)*)\s*=")
_PART = re.compile(r"\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[A-Za-z0-9_-]+))\s*(?:\.|\Z)")
_AT = re.compile(r"\(at line (?P<line>\d+), column (?P<column>\d+)\)")
MAX_DEPTH = 40  # brackets inside one another; the reader's recursion has no limit


class NotTomlError(Exception):
    """The text is no TOML; line and column from 1, both 0 where the reader does not say."""

    def __init__(self, said: str, line: int, column: int) -> None:
        super().__init__(said)
        self.said = said
        self.line = line
        self.column = column


def read_toml(text: str) -> dict[str, Any]:
    """The content; raises NotTomlError."""
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        depth = max(0, depth + sum(line.count(one) for one in "[{") - sum(line.count(one) for one in "]}"))
        if depth > MAX_DEPTH or line.count(".") > 200:
            raise NotTomlError("is nested far deeper than a manifest", number, 1)
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        found: dict[str, Any] = reader.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        at = _AT.search(str(error))
        said = printable(_AT.sub("", str(error)).strip() or type(error).__name__)
        raise NotTomlError(said, int(at["line"]) if at else 0, int(at["column"]) if at else 0) from error
    return found


class Places:
    """Where keys stand. A key in a table within one line stands where that table's key does."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if head := _TABLE.fullmatch(line):
                table = parts(head["name"])
                self._lines.setdefault(table, number)
            elif key := _KEY.match(line):
                self._lines.setdefault((*table, *parts(key["key"])), number)

    def line(self, keys: Sequence[str]) -> int:
        """The line of a key (from 1), of the nearest thing around it, or 0."""
        wanted = tuple(keys)
        return next(
            (self._lines[wanted[:n]] for n in range(len(wanted), 0, -1) if wanted[:n] in self._lines), 0
        )


def parts(dotted: str) -> tuple[str, ...]:
    """`a."b c".d` as its parts."""
    found = []
    at = 0
    while at < len(dotted) and (part := _PART.match(dotted, at)):
        found.append(part["double"] or part["single"] or part["bare"] or "")
        at = part.end()
    return tuple(found)
