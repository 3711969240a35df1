from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import UsageError
from builder.smoke.select import cases
from builder.spec.model import SmokeTest
from tests.support.fake_container import environment_lock, plan_of

REGRESSION = SmokeTest(name="regression")
LEAN = environment_lock("lean", {"python": "3.11.2", "numpy": "2.4.6"})
BARE = environment_lock("bare", {"r-base": "4.4"})
FULL = environment_lock()


def table(*tests: SmokeTest, locks=(FULL,), only=None) -> list[tuple[str, str, str | None, str]]:  # type: ignore[no-untyped-def]
    found = cases(plan_of(Path("/nowhere"), *tests, locks=locks), only)
    return [(case.test.name, case.lock.name, case.settled, case.reason) for case in found]


def test_python_always_runs_and_once() -> None:
    assert table() == [("python", "regression", None, "")]
    assert table(SmokeTest(name="python")) == [("python", "regression", None, "")]


def test_an_environment_that_lacks_the_packages_is_left_out_and_told() -> None:
    lacking = "the environment has no pandas, scikit-learn, matplotlib"
    assert table(REGRESSION, locks=(FULL, LEAN)) == [
        ("python", "regression", None, ""),
        ("regression", "regression", None, ""),
        ("python", "lean", None, ""),
        ("regression", "lean", "not-run", lacking),
    ]


def test_asked_for_by_name_or_possible_nowhere_it_has_failed() -> None:
    lacking = "the environment has no pandas, scikit-learn, matplotlib"
    assert table(REGRESSION, locks=(LEAN,))[1] == ("regression", "lean", "failed", lacking)
    asked = SmokeTest(name="regression", environment="lean")
    assert table(asked, locks=(FULL, LEAN))[2] == ("regression", "lean", "failed", lacking)


def test_what_cannot_run_anywhere_fails_with_a_reason() -> None:
    assert table(SmokeTest(name="own", environment="gone"))[1][2:] == (
        "failed",
        "the image has no environment 'gone'",
    )
    unknown = table(SmokeTest(name="rocm"))[1]
    known = "cuda, lora, python, regression, tensorflow"
    assert unknown[2:] == ("failed", f"no built-in test is called 'rocm'; there are {known}")
    assert table(locks=(BARE,)) == [("python", "bare", "failed", "the environment has no python")]
    assert table(locks=(FULL, BARE))[1] == ("python", "bare", "not-run", "the environment has no python")


def test_an_own_script_runs_in_every_environment_with_a_python() -> None:
    own = SmokeTest(name="own", script=Path("smoke/own.py"))
    found = [row[:3] for row in table(own, locks=(FULL, LEAN, BARE)) if row[0] == "own"]
    assert found == [("own", "regression", None), ("own", "lean", None), ("own", "bare", "not-run")]


def test_gpu_tests_wait_for_a_gpu() -> None:
    found = cases(plan_of(Path("/nowhere"), SmokeTest(name="own", script=Path("own.py"), needs="gpu")))
    assert (found[1].settled, found[1].reason, found[1].tier) == (
        "not-run",
        "no GPU: none was asked for",
        2,
    )


def test_only_narrows_and_knows_near_misses() -> None:
    assert [row[2] for row in table(REGRESSION, only=["regression"])] == ["not-run", None]
    with pytest.raises(UsageError, match=r"'regresion'; did you mean regression\?"):
        table(REGRESSION, only=["regresion"])
    with pytest.raises(UsageError, match="it has python, regression"):
        table(REGRESSION, only=["zzz"])
