"""Run one case in its sandbox and turn whatever happens there into a result with a reason."""

from __future__ import annotations

import hashlib
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from builder.engine.port import Container, Engine, Limits, RunResult
from builder.errors import BuildError
from builder.plan import Plan
from builder.progress import Observer, StepFinished, StepLogged, StepStarted
from builder.smoke.builtin import BUILTINS
from builder.smoke.evidence import Evidence, read_evidence
from builder.smoke.sandbox import OUT, find_script, sandbox
from builder.smoke.select import Case
from builder.smoke.verdict import Outcome, TestResult

LAST_LINES = 20
Judged = tuple[TestResult, dict[str, bytes]]


@dataclass(frozen=True, slots=True)
class Bench:
    """What all cases of one proof share. image_id is the engine's id of the image under test."""

    engine: Engine
    plan: Plan
    image_id: str
    limits: Limits


def run_case(bench: Bench, case: Case, observer: Observer) -> Judged:
    """One result with its plots by `ENVIRONMENT/TEST/NAME.png`. Raises EngineError when the engine goes away.

    Steps are told for what runs or has failed, not for what is left out.
    """
    if case.settled == "not-run":
        return _result(case, "not-run", case.reason), {}
    key = f"smoke:{case.lock.name}:{case.test.name}"
    observer(StepStarted("smoke", key, f"{case.test.name} in {case.lock.name}"))
    result, plots = _settled_or_run(bench, case)
    for line in result.output.splitlines():
        observer(StepLogged(key, line))
    observer(StepFinished(key, result.seconds, error=result.reason))
    return result, plots


def _settled_or_run(bench: Bench, case: Case) -> Judged:
    if case.settled is not None:
        return _result(case, case.settled, case.reason), {}
    path = _script(bench.plan, case)
    try:
        script = path.read_bytes()
    except OSError as error:
        return _result(case, "failed", f"cannot read {path}: {error.strerror}"), {}
    inside = f"test/{_harmless(path.name)}"
    spec = sandbox(bench.plan, case, bench.image_id, inside, bench.limits)
    try:
        with bench.engine.container(spec) as container:
            container.copy_in({inside: script}, writable=(OUT,))
            run = container.run()
            return _judged(case, run, _collect(container, case), spec.limits)
    except BuildError as error:  # the work failed, not the engine: nothing in the image could be started
        return _result(case, "failed", f"{error}", output=error.detail), {}


def _script(plan: Plan, case: Case) -> Path:
    if case.test.script is None:
        return BUILTINS[case.test.name].script
    return find_script(plan, case.test.script)


def script_sha256(plan: Plan, case: Case) -> str:
    """Hex sha256 of the script a case runs; empty where there is none to read."""
    try:
        return hashlib.sha256(_script(plan, case).read_bytes()).hexdigest()
    except (OSError, KeyError):  # an unknown built-in, a script that is gone: the test will fail and say so
        return ""


def _collect(container: Container, case: Case) -> Evidence:
    """What the test left. A built-in must leave a result; an own script may let its exit code speak."""
    try:
        files = container.copy_out(OUT)
    except BuildError as error:  # more than the engine hands out
        return Evidence(fault=f"left what cannot be read: {error}")
    return read_evidence(files, required=case.test.script is None)


def _judged(case: Case, run: RunResult, evidence: Evidence, limits: Limits) -> Judged:
    outcome, reason = _ending(run, limits)
    if outcome == "passed" and evidence.fault:
        outcome, reason = "failed", evidence.fault
    elif outcome == "passed" and case.test.script is None:
        faults = BUILTINS[case.test.name].judge(evidence, case.lock)
        outcome, reason = ("failed", "; ".join(faults)) if faults else ("passed", "")
    folder = f"{_harmless(case.lock.name)}/{_harmless(case.test.name)}"
    plots = {f"{folder}/{name}": data for name, data in evidence.plots.items()}
    result = _result(
        case,
        outcome,
        reason,
        seconds=round(run.seconds, 3),
        numbers=dict(evidence.numbers),
        plots=tuple(plots),
        output=_tail(run.output),
    )
    return result, plots


def _harmless(name: str) -> str:
    """A file name that is one in any file system and archive."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".") or "-"


def _ending(run: RunResult, limits: Limits) -> tuple[Outcome, str]:
    """Outcome and reason of the run itself, before anybody looks at what it measured."""
    if run.timed_out:
        return "timeout", f"killed after {limits.seconds:g} s, its limit"
    if run.out_of_memory:
        return "failed", f"out of memory: it needs more than its limit of {limits.memory / 2**20:.0f} MiB"
    if run.code == 0:
        return "passed", ""
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    last = f": {lines[-1][:300]}" if lines else ", and printed nothing"
    return "failed", f"{_ended(run.code)}{last}"


def _ended(code: int | None) -> str:
    if code is None:
        return "killed from outside"
    try:
        name = f" ({signal.Signals(code - 128).name})" if code > 128 else ""
    except ValueError:
        name = ""
    return f"ended with code {code}{name}"


def _tail(output: str) -> str:
    """The last lines, safe to write as UTF-8."""
    lines = output.encode("utf-8", "replace").decode().splitlines()[-LAST_LINES:]
    return "\n".join(line[:2000] for line in lines)


def _result(
    case: Case,
    outcome: Outcome,
    reason: str,
    *,
    seconds: float = 0.0,
    numbers: dict[str, float | str] | None = None,
    plots: tuple[str, ...] = (),
    output: str = "",
) -> TestResult:
    return TestResult(
        name=case.test.name,
        environment=case.lock.name,
        tier=case.tier,
        outcome=outcome,
        seconds=seconds,
        reason=reason,
        numbers=numbers or {},
        plots=plots,
        output=output,
    )
