"""Columns two blanks apart, without lines, so that they read in any encoding and in a pipe.

Written out here because drawing with rich would cost a short command a fifth of its time.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from builder.report.plain import one_line

GAP = "  "
NARROWEST = 8
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, color: bool, width: int) -> str:
    """The rows below their headers. No value is shortened: what does not fit into width is folded, and where folding
    leaves nothing readable, each row is a block of its own, a value below the other."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = _fitted([max(map(len, column)) for column in zip(headers, *cells, strict=True)], width)
    if rows and sum(widths) > _room(width, len(widths)):
        return "\n\n".join(_block(headers, row, color=color, width=width) for row in cells)
    head = _row(headers, widths)
    lines = [f"{BOLD}{line}{PLAIN}" if color else line for line in head]
    return "\n".join(lines + [line for row in cells for line in _row(row, widths)])


def _room(width: int, columns: int) -> int:
    return width - len(GAP) * (columns - 1)


def _block(headers: Sequence[str], row: Sequence[str], *, color: bool, width: int) -> str:
    """One row, with its headers before its values."""
    indent = max(map(len, headers)) + len(GAP)
    lines = []
    for header, cell in zip(headers, row, strict=True):
        first, *more = textwrap.wrap(cell, max(NARROWEST, width - indent)) or [""]
        name = f"{BOLD}{header}{PLAIN}" if color else header
        lines.append(f"{name}{' ' * (indent - len(header))}{first}".rstrip())
        lines += [f"{' ' * indent}{line}" for line in more]
    return "\n".join(lines)


def _fitted(widths: list[int], width: int) -> list[int]:
    """Take from the widest columns until all fit, and stop where nothing readable would be left."""
    room = _room(width, len(widths))
    while sum(widths) > room and max(widths) > NARROWEST:
        widest = widths.index(max(widths))
        widths[widest] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    folded = [textwrap.wrap(cell, size) or [""] for cell, size in zip(cells, widths, strict=True)]
    lines = zip_longest(*folded, fillvalue="")
    return [
        GAP.join(part.ljust(size) for part, size in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
