from __future__ import annotations

import pytest

from builder.report.duration import human_time
from builder.report.plain import encodable, one_line
from builder.report.size import human_size
from builder.report.text import fields, verdict_text
from builder.smoke.verdict import TestResult, Verdict

GOOD = TestResult(
    name="regression",
    environment="regression",
    tier=1,
    outcome="passed",
    seconds=3.21,
    numbers={"coefficient": 2.0, "mse": 7.9e-31, "numpy": "2.4.6"},
)
BAD = TestResult(
    name="own",
    environment="regression",
    tier=1,
    outcome="failed",
    seconds=0.2,
    reason="mse: expected below 1e-09, got 5.0; numpy: expected version 2, got '1'",
    output="\x1b[31mred\x1b[0m [bold]\n\x1b]0;title\x07second",
)
WAITING = TestResult(
    name="lora", environment="regression", tier=2, outcome="not-run", seconds=0, reason="needs a GPU"
)


def verdict(*results: TestResult) -> Verdict:
    return Verdict(
        image="regression",
        image_id="sha256:" + "a" * 64,
        plan_digest="d" * 64,
        source="kit:" + "b" * 64,
        stand_in=True,
        engine="docker 20.10.24, API 1.41, linux/amd64",
        started="2026-11-23T15:00:00+00:00",
        seconds=4.0,
        results=results,
        not_proven={"audit": "the audit arrives with a later version"},
        notes=("it holds a build for CUDA that nothing here uses",),
    )


def test_a_verdict_in_a_pipe() -> None:
    text = verdict_text(verdict(GOOD, WAITING), color=False, width=1000)
    assert text.splitlines() == [
        "TEST        ENVIRONMENT  RESULT   TIME   MEASURED",
        "regression  regression   passed   3.2 s  coefficient 2, mse 7.9e-31",
        "lora (gpu)  regression   not-run  -      needs a GPU",
        "",
        "verdict            PASSED: 1 of 1 tests passed in 4.0 s",
        "not proven: audit  the audit arrives with a later version",
        "note               it holds a build for CUDA that nothing here uses",
        f"image              regression  sha256:{'a' * 64}",
        f"made from          kit:{'b' * 64}, with a stand-in for the installer",
        "engine             docker 20.10.24, API 1.41, linux/amd64",
    ]


def test_a_failed_verdict_tells_each_fault_and_cannot_steer_the_terminal() -> None:
    text = verdict_text(verdict(GOOD, BAD), color=False, width=1000)
    assert "NOT PASSED: 1 of 2 tests passed" in text
    assert (
        "own in regression: failed\n"
        "  mse: expected below 1e-09, got 5.0\n"
        "  numpy: expected version 2, got '1'\n"
        "  | red [bold]\n"
        "  | second\n"
    ) in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [80, 40])
def test_narrow_terminals_fold_and_lose_nothing(width: int) -> None:
    text = verdict_text(verdict(GOOD, BAD), color=False, width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert text.isascii()
    assert "..." not in text
    assert "a" * 64 in text.replace("\n", "").replace(" ", "")


def test_colour_only_when_asked() -> None:
    assert "\x1b[" in verdict_text(verdict(GOOD), color=True, width=80)
    assert "\x1b" not in verdict_text(verdict(GOOD), color=False, width=80)


def test_fields_are_aligned() -> None:
    assert fields([("a", "1"), ("long", "2")], color=False, width=80) == "a     1\nlong  2"


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "?"), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_999, "1 MB"), (695_400_000, "695 MB"),
     (1_234_000_000, "1.2 GB"), (17_000_000_000, "17 GB"), (2 * 10**12, "2.0 TB")],
)  # fmt: skip
def test_sizes(size: int | None, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (12.34, "12.3 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"), (3600, "1 h 00 min"),
     (7325, "2 h 02 min")],
)  # fmt: skip
def test_times(seconds: float, text: str) -> None:
    assert human_time(seconds) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("10%\r50%\r100%\r\n", "100%"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"),
        ("a\x07b\x9bc\u202ed\ud800", "a?b?c?d?"),
        ("\x1b", ""),
        ("a\tb", "a   b"),
    ],
)
def test_lines_are_made_safe(raw: str, shown: str) -> None:
    assert one_line(raw) == shown


def test_what_a_stream_cannot_encode_is_replaced() -> None:
    class Ascii:
        encoding = "ascii"

    assert encodable("gr\u00fcn", Ascii()) == "gr?n"  # type: ignore[arg-type]
