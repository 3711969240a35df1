"""Raw output to lines that are safe to show."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.lines import LineAssembler, clean, clean_text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        (b"tab\tstays", "tab\tstays"),
        (b"10%\r20%\r30%", "30%"),
        (b"windows\r", "windows"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b[2J\x1b[Hgone", "gone"),
        (b"nul\0bell\x07back\x08", "nulbellback"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        ("\u202eesrever".encode(), "esrever"),
        ("c1\x9b31m".encode(), "c131m"),
        ("漢字 é".encode(), "漢字 é"),
        (b"x" * 5000, "x" * 4096 + " ..."),
    ],
)
def test_clean(raw: bytes, shown: str) -> None:
    assert clean(raw) == shown


def test_clean_text_keeps_line_ends() -> None:
    assert clean_text(b"a\r\n\x1b[1mb\n") == "a\nb\n"


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_pieces_give_the_same_lines_as_the_whole(raw: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(raw)]
    pieces, whole = LineAssembler(), LineAssembler()
    found: list[str] = []
    for start, end in pairwise(borders):
        found += pieces.feed(raw[start:end])
    assert [*found, *pieces.flush()] == [*whole.feed(raw), *whole.flush()]
    assert not any(ord(char) < 32 and char != "\t" for line in found for char in line)


def test_output_without_line_ends_is_held_in_bounded_memory() -> None:
    lines = LineAssembler()
    for number in range(1000):
        assert lines.feed(b"%d%%" % number + b" " * 1000 + b"\r") == ()
        assert len(lines._pending) <= 66_000
    assert lines.feed(b"end\n") == ("end",)


def test_an_endless_line_comes_in_pieces() -> None:
    assert LineAssembler().feed(b"x" * 70_000) == ("x" * 4096 + " ...",)
