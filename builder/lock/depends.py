"""One line of what a conda package depends on, as channels hold it: not all of them are as tidy as `name >=1.2`."""

from __future__ import annotations

import re

_LINE = re.compile(r"\s*(?:\S*::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(.*?)\s*", re.DOTALL)


def name_and_constraint(line: str) -> tuple[str, str]:
    """`python>=3.6` is (`python`, `>=3.6`), `numpy` is (`numpy`, ``); both are empty for a line without a name."""
    found = _LINE.fullmatch(line)
    return (found[1].lower(), found[2]) if found else ("", "")
