"""Tables of comma-separated values of which a program writes rows: as `rows` has it for YAML."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from builder.data.rows import Row


def read_lines(text: str) -> dict[int, Row]:
    """The rows by their line, from 0, which is the header's. Raises ValueError where a row is not in one line."""
    names, *rows = _split(text) if text else [[]]
    if not names or len(set(names)) != len(names):
        raise ValueError("the first line of this table does not name its columns")
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise ValueError(f"line {number + 1} has {len(row)} values, and there are {len(names)} columns")
    return {number: Row(None, dict(zip(names, row, strict=True))) for number, row in enumerate(rows, 1)}


def write_lines(text: str, changed: Mapping[int, Row], added: Sequence[tuple[int, Row]]) -> str:
    """The table with these lines replaced, and others put behind a line (-1: the header's), in the order given."""
    lines = text.removesuffix("\n").split("\n")
    names = _split(text)[0]
    for number, row in changed.items():
        lines[number] = _line(names, row)
    later: dict[int, list[str]] = {}
    for number, row in added:
        later.setdefault(max(number, 0), []).append(_line(names, row))
    whole = [text for number, line in enumerate(lines) for text in (line, *later.get(number, []))]
    return "".join(f"{line}\n" for line in whole)


def _split(text: str) -> list[list[str]]:
    """The values of every line."""
    lines = text.removesuffix("\n").split("\n")
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if len(rows) != len(lines):
        raise ValueError("a row of this table is not in one line of its own")
    return rows


def _line(names: Sequence[str], row: Row) -> str:
    values = [str(row.fields[name]) for name in names]
    return ",".join(f'"{value.replace(chr(34), 2 * chr(34))}"' if set(value) & set(',"') else value
                    for value in values)  # fmt: skip
