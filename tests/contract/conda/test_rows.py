"""Every row of the contract has a test or a stated reason, and no test names a row that is not there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.contract.conda.rows import BY_ID, ROWS

HERE = Path(__file__).parent
SECTIONS = 11  # the reference's headings without Costs


def _marked() -> Iterator[str]:
    for file in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
                yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))  # type: ignore[misc]


def test_every_row_has_a_test_or_a_reason() -> None:
    marked = set(_marked())
    assert {row.id for row in ROWS if row.tested} - marked == set(), "rows without a test"
    assert marked - BY_ID.keys() == set(), "tests of rows that are not there"


def test_rows_are_told_apart_and_complete() -> None:
    assert len(BY_ID) == len(ROWS)
    assert len({row.section for row in ROWS}) == SECTIONS
    assert not [row.id for row in ROWS if row.real and row.unmet]


def test_the_page_says_what_the_rows_say() -> None:
    """docs/conda-contract.md is written by `python -m tests.contract.conda.page`."""
    from tests.contract.conda.page import page

    assert (HERE.parents[2] / "docs/conda-contract.md").read_text("utf-8") == page()
