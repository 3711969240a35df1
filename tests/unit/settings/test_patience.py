from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import UsageError
from builder.settings.patience import LONGEST_PAUSE, Policy, asked_pause, patiently, read_policy

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_without_variables_it_is_the_usual_policy() -> None:
    assert read_policy({}) == Policy()


def test_the_variables_say_how_patient_we_are() -> None:
    found = read_policy(
        {"IMGBUILD_RETRIES": "0", "IMGBUILD_RETRY_PAUSE": "0.01", "IMGBUILD_HTTP_TIMEOUT": "4"}
    )
    assert (found.attempts, found.pause, found.read, found.connect) == (1, 0.01, 4, 4)
    assert read_policy({"IMGBUILD_HTTP_TIMEOUT": "300"}).connect == Policy().connect


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IMGBUILD_RETRIES", "many"),
        ("IMGBUILD_RETRIES", "-1"),
        ("IMGBUILD_RETRIES", "1.5"),
        ("IMGBUILD_RETRIES", "1e9"),
        ("IMGBUILD_RETRY_PAUSE", "nan"),
        ("IMGBUILD_RETRY_PAUSE", "inf"),
        ("IMGBUILD_HTTP_TIMEOUT", "0"),
    ],
)
def test_what_cannot_be_meant_is_named(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_policy({name: text})
    assert caught.value.where == name
    assert "from" in caught.value.fix


@given(st.integers(1, 10_000), st.floats(0, 1e9))
def test_pauses_grow_are_drawn_and_have_an_end(failed: int, asked: float) -> None:
    policy = Policy(pause=0.5)
    own = min(LONGEST_PAUSE, 0.5 * 2 ** min(failed - 1, 20))
    assert own / 2 <= policy.wait(failed) <= own
    assert min(asked, LONGEST_PAUSE) <= policy.wait(failed, asked) <= 1.5 * LONGEST_PAUSE


def test_those_who_were_turned_away_together_do_not_come_back_together() -> None:
    assert len({Policy().wait(1, 2.0) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("7", 7),
        (" 7 ", 7),
        ("-7", 0),
        ("7.5", 0),
        ("soon", 0),
        ("\u0663", 0),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9),
        (format_datetime(NOW - timedelta(days=9), usegmt=True), 0),
        ("Fri, 02 Jan 2026 03:04:15", 10),
        ("Fri, 99 Jan 2026 03:04:15 GMT", 0),
    ],
)
def test_what_a_server_asks_for(header: str | None, seconds: float) -> None:
    assert asked_pause(header, NOW) == seconds


def _failing(times: int, error: Exception) -> tuple[list[int], object]:
    seen: list[int] = []

    def work(failed: int) -> str:
        seen.append(failed)
        if len(seen) <= times:
            raise error
        return "done"

    return seen, work


def test_work_is_done_again_until_it_is_done() -> None:
    seen, work = _failing(2, ValueError("x"))
    slept: list[float] = []
    told: list[str] = []
    policy = Policy(attempts=3, pause=8)
    done = patiently(
        work, lambda _e: True, policy, sleep=slept.append, told=lambda e, _s: told.append(str(e))
    )  # type: ignore[arg-type]
    assert done == "done"
    assert seen == [0, 1, 2]
    assert told == ["x", "x"]
    assert 4 <= slept[0] <= 8 <= slept[1] <= 16


def test_the_last_error_is_raised() -> None:
    seen, work = _failing(9, ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        patiently(work, lambda _e: True, Policy(attempts=3, pause=0))  # type: ignore[arg-type]
    assert len(seen) == 3


def test_what_does_not_pass_is_not_tried_again() -> None:
    seen, work = _failing(9, ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        patiently(work, lambda _e: False, Policy(attempts=3, pause=0))  # type: ignore[arg-type]
    assert len(seen) == 1
