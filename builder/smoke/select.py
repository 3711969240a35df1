"""Which test runs in which environment, and why the others do not.

- `python` always runs, in every environment that has a python: each image proves at least that much.
- A test with `environment:` runs there and nowhere else.
- A test without it runs in every environment that has what it needs: python, and for a built-in its packages.
  An environment without them is `not-run`; when no environment has them, the test has failed.
- In an image that declares CUDA, a built-in with a GPU part runs once without a GPU (tier 1) and once with (tier 2).
  `needs: gpu` is tier 2 alone.
  Without a GPU, tier 2 is `not-run`, with the reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from builder.errors import UsageError
from builder.lock.model import EnvironmentLock
from builder.plan import Plan
from builder.smoke.builtin import BUILTINS, PYTHON
from builder.smoke.gpus import NO_GPUS, Gpus
from builder.smoke.verdict import Outcome
from builder.spec.model import SmokeTest


@dataclass(frozen=True, slots=True)
class Case:
    """One test in one environment. settled: the outcome that stands without a run, with its reason. tier: 2 with a
    GPU, else 1."""

    test: SmokeTest
    lock: EnvironmentLock
    settled: Outcome | None = None
    reason: str = ""
    tier: int = 1


def cases(plan: Plan, only: Sequence[str] | None = None, gpus: Gpus = NO_GPUS) -> tuple[Case, ...]:
    """Every test of the plan in every environment it belongs to, environment by environment.

    only: names of tests to run; the others are `not-run`, as is tier 2 without GPUs. Raises UsageError for a name no
    test has.
    """
    tests = _tests(plan)
    _check_names(tests, only)
    order = {lock.name: place for place, lock in enumerate(plan.lock.environments)}
    found = [
        replace(case, tier=tier)
        for test in tests
        for case in _spread(test, plan.lock.environments)
        for tier in _tiers(test, plan)
    ]
    found.sort(key=lambda case: (order[case.lock.name], case.tier))
    return tuple(_narrow(case, only, gpus) for case in found)


def wants_gpu(plan: Plan) -> bool:
    """Does any test of the plan have something to do with a GPU?"""
    return any(2 in _tiers(test, plan) for test in _tests(plan))


def _tiers(test: SmokeTest, plan: Plan) -> tuple[int, ...]:
    if test.needs == "gpu":
        return (2,)
    builtin = BUILTINS.get(test.name) if test.script is None else None
    return builtin.tiers if builtin and plan.spec.cuda else (1,)


def _tests(plan: Plan) -> tuple[SmokeTest, ...]:
    always = SmokeTest(name=PYTHON, timeout=60)
    given = any(test.name == PYTHON and test.script is None for test in plan.spec.smoke)
    return plan.spec.smoke if given else (always, *plan.spec.smoke)


def _check_names(tests: Sequence[SmokeTest], only: Sequence[str] | None) -> None:
    names = sorted({test.name for test in tests})
    for name in only or ():
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            mend = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
            raise UsageError(f"no smoke test is called {name!r}", fix=mend)


def _spread(test: SmokeTest, locks: Sequence[EnvironmentLock]) -> list[Case]:
    """The cases of one test: never none, so that a test that runs nowhere is seen."""
    wanted = [lock for lock in locks if test.environment in (None, lock.name)]
    if not wanted:
        return [Case(test, locks[0], "failed", f"the image has no environment {test.environment!r}")]
    lacks = [_lacks(test, lock) for lock in wanted]
    # Asked for by name, or possible nowhere: then what is lacking is a failure and no matter of course.
    settled: Outcome = "failed" if test.environment is not None or all(lacks) else "not-run"
    return [
        Case(test, lock, settled if lack else None, lack) for lock, lack in zip(wanted, lacks, strict=True)
    ]


def _lacks(test: SmokeTest, lock: EnvironmentLock) -> str:
    """Why the test cannot run in this environment; empty when it can."""
    if not lock.python:
        return "the environment has no python"
    if test.script is not None:
        return ""
    if test.name not in BUILTINS:
        return f"no built-in test is called {test.name!r}; there are {', '.join(sorted(BUILTINS))}"
    missing = BUILTINS[test.name].missing(lock)
    return f"the environment has no {', '.join(missing)}" if missing else ""


def _narrow(case: Case, only: Sequence[str] | None, gpus: Gpus) -> Case:
    if only and case.test.name not in only:
        return replace(case, settled="not-run", reason=f"only {', '.join(only)} was asked for")
    if case.settled is None and case.tier == 2 and gpus.request is None:
        return replace(case, settled="not-run", reason=f"no GPU: {gpus.why}")
    return case
