"""What a machine has, for people: a row for each thing, and below it what is to do."""

from __future__ import annotations

from collections.abc import Sequence

from builder.host.diagnosis import Row
from builder.report.columns import table
from builder.report.host import wrapped


def doctor_text(rows: Sequence[Row], *, color: bool, width: int) -> str:
    """The table, then the steps of each thing that wants some. Commands stay whole, so that they can be copied."""
    cells = [[row.name, {"missing": "MISSING"}.get(row.state, row.state), row.says] for row in rows]
    parts = [table(["WHAT", "STATE", "FOUND"], cells, color=color, width=width)]
    parts += [_steps(row, width) for row in rows if row.todo]
    return "\n\n".join(parts)


def _steps(row: Row, width: int) -> str:
    return "\n".join([f"to do for {row.name}:", *(wrapped(f"  {step}", width) for step in row.todo)])
