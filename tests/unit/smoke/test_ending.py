from __future__ import annotations

import pytest

from builder.engine.port import Limits, RunResult
from builder.smoke.ending import ending

LIMITS = Limits(memory=1 << 30, tmpfs=32 << 20, pids=7, seconds=60)


@pytest.mark.parametrize(
    ("output", "wall"),
    [
        (
            "OSError: [Errno 28] No space left on device: '/tmp/x'",
            "/tmp holds 32 MiB, and it counts as memory",
        ),
        ("BlockingIOError: [Errno 11] Resource temporarily unavailable", "may have 7 processes and threads"),
        ("RuntimeError: can't start new thread", "may have 7 processes and threads"),
        ("sh: 1: Cannot fork", "may have 7 processes and threads"),
        (
            "OSError: [Errno 30] Read-only file system: '/x'",
            "only /tmp and the directory of $IMGBUILD_RESULT may",
        ),
        ("OSError: [Errno 101] Network is unreachable", "there is no network"),
        ("gaierror: [Errno -3] Temporary failure in name resolution", "there is no network"),
        ("OSError: [Errno 27] File too large", "no file may become that large"),
    ],
)
def test_the_wall_that_was_met_is_named(output: str, wall: str) -> None:
    outcome, reason = ending(RunResult(1, f"Traceback\n{output}\n\n", 1.0), LIMITS)
    assert outcome == "failed"
    assert reason.startswith(f"ended with code 1: {output} (the sandbox: {wall}")


def test_it_is_named_where_later_lines_hide_it() -> None:
    output = "x: No space left on device\n" + "and so on\n" * 1000
    assert "/tmp holds 32 MiB" in ending(RunResult(1, output, 1.0), LIMITS)[1]


def test_several_walls_are_all_named() -> None:
    output = "Network is unreachable\nRead-only file system\n"
    reason = ending(RunResult(1, output, 1.0), LIMITS)[1]
    assert reason.endswith("may be written; there is no network)")


def test_words_alone_decide_nothing() -> None:
    assert ending(RunResult(0, "No space left on device\n", 1.0), LIMITS) == ("passed", "")
    assert (
        ending(RunResult(1, "an ordinary fault\n", 1.0), LIMITS)[1] == "ended with code 1: an ordinary fault"
    )


def test_a_kill_that_nobody_claims_is_most_likely_for_memory() -> None:
    reason = ending(RunResult(137, "", 1.0), LIMITS)[1]
    assert reason == (
        "ended with code 137 (SIGKILL), and printed nothing (the sandbox: most likely its memory, 1024 MiB)"
    )


def test_braces_in_the_output_are_left_alone() -> None:
    reason = ending(RunResult(1, "{pids} {0} No space left on device", 1.0), LIMITS)[1]
    assert reason.startswith("ended with code 1: {pids} {0} No space")
