"""A fault in a file that a person wrote, with the place to look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault. line and column count from 1; 0 when the whole file is meant.

    path is the key path inside the file (`smoke[2].timeout`), empty for the file itself. A warning is told and
    never stops anything.
    """

    file: str
    line: int
    column: int
    path: str
    what: str
    fix: str = ""
    warning: bool = False

    def __str__(self) -> str:
        """`file:line:column: path: what; what to do`."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        key = f" {self.path}:" if self.path else ""
        mend = f"; {self.fix}" if self.fix else ""
        kind = " warning:" if self.warning else ""
        return f"{place}:{kind}{key} {self.what}{mend}"
