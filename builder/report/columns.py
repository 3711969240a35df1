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
    """The rows below their headers. No value is shortened: what does not fit into width is folded."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = _fitted([max(map(len, column)) for column in zip(headers, *cells, strict=True)], width)
    head = _row(headers, widths)
    lines = [f"{BOLD}{line}{PLAIN}" if color else line for line in head]
    return "\n".join(lines + [line for row in cells for line in _row(row, widths)])


def _fitted(widths: list[int], width: int) -> list[int]:
    """Take from the widest columns until all fit, and stop where nothing readable would be left."""
    room = width - len(GAP) * (len(widths) - 1)
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
