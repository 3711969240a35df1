"""Write docs/conda-contract.md: `python -m tests.contract.conda.page` from the repository's root."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from tests.contract.conda.rows import ROWS, Row

HEAD = """\
# conda's contract

Written by `python -m tests.contract.conda.page` from `tests/contract/conda/rows.py`; do not edit.

`tests/contract/conda` shows each row with a mark against the stand-in for conda, and against a real installer where
one is named. How to name one: `tests/contract/conda/README.md`. A row is shown by tests, or only a real installer can
show it, or an image build never meets it. The run prints which rows were shown and which were not.
"""


def page() -> str:
    """The page as it should stand in docs."""
    text = HEAD
    for section, rows in groupby(ROWS, key=lambda row: row.section):
        text += f"\n## {section}\n\n| row | fact | shown |\n|---|---|---|\n"
        text += "".join(f"| `{row.id}` | {row.fact} | {_shown(row)} |\n" for row in rows)
    return text


def _shown(row: Row) -> str:
    if row.tested:
        return "by tests"
    return f"only by a real installer: {row.real}" if row.real else f"no: {row.unmet}"


if __name__ == "__main__":
    Path("docs/conda-contract.md").write_text(page(), "utf-8")
