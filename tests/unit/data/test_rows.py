"""Tables that a program writes rows of: a row is a line, and all other lines stay."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builder.data.rows import Row, read_rows, write_rows

WORDS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(
    lambda name: name not in {"y", "n", "on", "no", "off", "yes"}
)
FIELDS = st.dictionaries(
    NAMES, WORDS | st.lists(WORDS, max_size=3) | st.integers() | st.booleans(), min_size=1, max_size=4
)


@pytest.mark.parametrize("name", ["torch.yml", "toolkits.yml", "gpus.yml"])
def test_the_shipped_tables_are_rows_of_one_line(name: str) -> None:
    text = resources.files("builder").joinpath("data").joinpath(name).read_text(encoding="utf-8")
    rows = read_rows(text)
    assert len(rows) == len(yaml.safe_load(text))
    assert write_rows(text, {}, []) == text


@pytest.mark.parametrize("name", ["torch.yml", "toolkits.yml"])
def test_rows_that_a_program_writes_are_spelled_as_it_spells_them(name: str) -> None:
    text = resources.files("builder").joinpath("data").joinpath(name).read_text(encoding="utf-8")
    assert write_rows(text, read_rows(text), []) == text


@given(st.lists(FIELDS, max_size=4))
def test_what_is_written_is_read(fields: list[dict[str, object]]) -> None:
    in_list = write_rows("# head\n", {}, [(-1, Row(None, one)) for one in fields])
    assert [dict(row.fields) for row in read_rows(in_list).values()] == fields
    named = {f"{number}.0": one for number, one in enumerate(fields)}
    in_mapping = write_rows("# head\n", {}, [(-1, Row(key, one)) for key, one in named.items()])
    assert {row.key: dict(row.fields) for row in read_rows(in_mapping).values()} == named


@given(st.lists(FIELDS, min_size=1, max_size=4), st.data())
def test_a_change_touches_its_line_alone(fields: list[dict[str, object]], data: st.DataObject) -> None:
    text = write_rows("# head\n\n", {}, [(-1, Row(None, one)) for one in fields])
    at = data.draw(st.sampled_from(sorted(read_rows(text))))
    new = Row(None, {"changed": "yes"})
    after = write_rows(text, {at: new}, [(at, Row(None, {"added": "1"}))]).splitlines()
    before = text.splitlines()
    assert after[:at] == before[:at]
    assert after[at : at + 2] == ['- {changed: "yes"}', '- {added: "1"}']
    assert after[at + 2 :] == before[at + 1 :]


@pytest.mark.parametrize(
    "text",
    [
        "- {a: 1}\n- b: 2\n",
        "k: {a: 1}\nl:\n  a: 2\n",
        "- {a: 1,\n   b: 2}\n",
        "k: {a: 1}\nk: {a: 2}\n- {a: 3}\n",
    ],
)
def test_a_row_of_another_form_is_no_row_that_is_lost(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_rows(text)
