"""Tables of comma-separated values that a program writes rows of."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.lines import read_lines, write_lines
from builder.data.rows import Row

LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85")
WORDS = st.text(alphabet=LETTERS, max_size=9)
ROWS = st.lists(st.fixed_dictionaries({"a": WORDS.filter(bool), "b": WORDS}), max_size=4)


def test_the_shipped_table_is_spelled_as_the_program_spells_it() -> None:
    text = resources.files("builder").joinpath("data/installers.csv").read_text(encoding="utf-8")
    rows = read_lines(text)
    assert len(rows) == len(text.splitlines()) - 1
    assert write_lines(text, rows, []) == text


@given(ROWS, ROWS)
def test_what_is_written_is_read_and_a_change_touches_its_line_alone(
    first: list[dict[str, str]], more: list[dict[str, str]]
) -> None:
    text = write_lines("a,b\n", {}, [(-1, Row(None, row)) for row in first])
    assert [dict(row.fields) for row in read_lines(text).values()] == first
    after = write_lines(text, {}, [(len(first), Row(None, row)) for row in more])
    assert after.startswith(text)
    assert [dict(row.fields) for row in read_lines(after).values()] == first + more


@pytest.mark.parametrize("text", ["", "a,b\n1\n", 'a,b\n"1\n2",3\n', "a,a\n1,2\n", 'a,b\n"1"2,3\n'])
def test_a_table_of_another_form_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_lines(text)
