"""Tables: whole in a pipe, folded in a narrow terminal, and never a way to steer the terminal."""

from __future__ import annotations

from builder.report.columns import table

HEADERS = ["IMAGE", "WHAT IT IS", "LOCK"]
ROWS = [["regression", "Linear regression with scikit-learn, and its plots", "fresh"], ["b", "", "missing"]]


def test_in_a_pipe_every_row_is_one_line() -> None:
    assert table(HEADERS, ROWS, color=False, width=1000) == (
        "IMAGE       WHAT IT IS                                          LOCK\n"
        "regression  Linear regression with scikit-learn, and its plots  fresh\n"
        "b                                                               missing"
    )


def test_in_a_narrow_terminal_cells_are_folded_and_nothing_is_lost() -> None:
    text = table(HEADERS, ROWS, color=False, width=40)
    assert max(map(len, text.splitlines())) <= 40
    assert " ".join(text.replace("\n", " ").split()).count("scikit-learn,") == 1
    assert "plots" in text
    assert "missing" in text


def test_a_terminal_too_narrow_for_any_column_still_gets_all_of_it() -> None:
    text = table(["A", "B"], [["x" * 30, "y" * 30]], color=False, width=10)
    assert text.count("x") == 30
    assert text.count("y") == 30


def test_colour_and_control_characters() -> None:
    assert "\x1b" not in table(["A"], [["[red]one\x1b[2J"]], color=False, width=80)
    assert table(["A"], [["b"]], color=True, width=80).startswith("\x1b[1mA")
