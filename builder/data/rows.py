"""Tables of which a program writes rows: one row is one line, and every other line stays as people wrote it.

Two forms: `- {version: ...}` in a list, and `key: {...}` in a mapping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from builder.data.tables import load_yaml

_ROW = re.compile(r'- \{.*\}|(?:[A-Za-z0-9_.-]+|"[^"]*"): \{.*\}')
# What YAML 1.1 and 1.2 take for this text when it has no quotes around it.
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row. key: its name in a mapping, None in a list."""

    key: str | None
    fields: Mapping[str, Any]

    @property
    def line(self) -> str:
        """As it is written, without a line end."""
        head = "- " if self.key is None else f"{_scalar(self.key)}: "
        return f"{head}{{{', '.join(f'{name}: {_value(value)}' for name, value in self.fields.items())}}}"


def read_rows(text: str) -> dict[int, Row]:
    """The rows of a table by their line, from 0. Raises ValueError where a row is not in one line."""
    found: dict[int, Row] = {}
    for number, line in enumerate(text.split("\n")):
        if _ROW.fullmatch(line):
            (one,) = _loaded(line) if line.startswith("-") else _loaded(line).items()
            found[number] = Row(None, one) if isinstance(one, dict) else Row(str(one[0]), one[1])
    in_list = all(row.key is None for row in found.values())
    own = (
        [row.fields for row in found.values()] if in_list else {row.key: row.fields for row in found.values()}
    )
    if _loaded(text) not in (own, None if not found else own):
        raise ValueError("a row of this table is not in one line of its own")
    return found


def write_rows(text: str, changed: Mapping[int, Row], added: Sequence[tuple[int, Row]]) -> str:
    """The table with these lines replaced, and others put behind a line (-1: at the end), in the order given."""
    lines = text.removesuffix("\n").split("\n")
    for number, row in changed.items():
        lines[number] = row.line
    later: dict[int, list[str]] = {}
    for number, row in added:
        later.setdefault(number if number >= 0 else len(lines) - 1, []).append(row.line)
    whole = [text for number, line in enumerate(lines) for text in (line, *later.get(number, []))]
    return "".join(f"{line}\n" for line in whole)


def _loaded(text: str) -> Any:
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return (
        text if plain else json.dumps(text).replace("\x7f", "\\u007f")
    )  # YAML takes no such character as it is
