"""Settings for people: a row for each, with its value and where it came from."""

from __future__ import annotations

from collections.abc import Sequence

from builder.report.columns import table
from builder.settings.trace import Setting


def settings_text(settings: Sequence[Setting], *, hidden: bool, color: bool, width: int) -> str:
    """The table. hidden: below each setting also what weaker places say."""
    cells = []
    for one in settings:
        cells.append([one.name, one.value, one.origin])
        if hidden:
            cells += [["", f"(hidden: {value})", origin] for value, origin in one.shadowed]
    return table(["SETTING", "VALUE", "FROM"], cells, color=color, width=width)
