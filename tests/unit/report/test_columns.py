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


def test_where_columns_cannot_be_folded_each_row_is_a_block() -> None:
    headers = ["IMAGE", "PLATFORM", "FROM", "PACKAGES", "SIZE"]
    rows = [
        ["tiny", "linux/amd64", "kit:a45d05f1c4eb", "2", "236 MB"],
        ["two", "linux/amd64", "upstream", "10", ""],
    ]
    assert table(headers, rows, color=False, width=24) == (
        "IMAGE     tiny\n"
        "PLATFORM  linux/amd64\n"
        "FROM      kit:a45d05f1c4\n"
        "          eb\n"
        "PACKAGES  2\n"
        "SIZE      236 MB\n"
        "\n"
        "IMAGE     two\n"
        "PLATFORM  linux/amd64\n"
        "FROM      upstream\n"
        "PACKAGES  10\n"
        "SIZE"
    )
    assert max(map(len, table(headers, rows, color=False, width=56).splitlines())) <= 56


def test_colour_and_control_characters() -> None:
    assert "\x1b" not in table(["A"], [["[red]one\x1b[2J"]], color=False, width=80)
    assert table(["A"], [["b"]], color=True, width=80).startswith("\x1b[1mA")
