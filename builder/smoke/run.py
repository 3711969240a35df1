"""Run one case in its sandbox and turn whatever happens there into a result with a reason."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.engine.faults import EngineFull
from builder.engine.port import Container, Engine, Limits, RunResult
from builder.errors import BuildError
from builder.plan import Plan
from builder.progress import Observer, StepFinished, StepLogged, StepStarted
from builder.smoke.builtin import BUILTINS
from builder.smoke.ending import ending
from builder.smoke.evidence import RESULT, Evidence, read_evidence
from builder.smoke.gpus import NO_GPUS, Gpus
from builder.smoke.measured import Setting
from builder.smoke.sandbox import OUT, find_script, limits_of, sandbox
from builder.smoke.select import Case
from builder.smoke.verdict import Outcome, TestResult

LAST_LINES = 20
Judged = tuple[TestResult, dict[str, bytes]]
Scripts = Mapping[Path, bytes | str]


@dataclass(frozen=True, slots=True)
class Bench:
    """What all cases of one proof share. image_id is the engine's id of the image under test.

    scripts are read once, before the first test: what runs is what the proof's digest is over. limits: None gives each
    test what it needs.
    """

    engine: Engine
    plan: Plan
    image_id: str
    limits: Limits | None
    scripts: Scripts
    gpus: Gpus = NO_GPUS


def run_case(bench: Bench, case: Case, observer: Observer) -> Judged:
    """One result with its plots by `ENVIRONMENT/TEST/NAME.png`. Raises EngineError when the engine goes away.

    Steps are told for what runs or has failed, not for what is left out.
    """
    if case.settled == "not-run":
        return _result(case, "not-run", case.reason), {}
    key, title = f"smoke:{case.lock.name}:{case.test.name}", f"{case.test.name} in {case.lock.name}"
    if case.tier == 2:
        key, title = f"{key}:gpu", f"{title} with a GPU"
    observer(StepStarted("smoke", key, title))
    result, plots = _settled_or_run(bench, case)
    for line in result.output.splitlines():
        observer(StepLogged(key, line))
    observer(StepFinished(key, result.seconds, error=result.reason))
    return result, plots


def _settled_or_run(bench: Bench, case: Case) -> Judged:
    if case.settled is not None:
        return _result(case, case.settled, case.reason), {}
    path = _script(bench.plan, case)
    script = bench.scripts[path]
    if isinstance(script, str):
        return _result(case, "failed", f"cannot read {path}: {script}"), {}
    inside = f"test/{_harmless(path.name)}"
    limits = limits_of(case, bench.limits)
    spec = sandbox(bench.plan, case, bench.image_id, inside, limits, bench.gpus.request)
    try:
        with bench.engine.container(spec) as container:
            container.copy_in({inside: script}, writable=(OUT,))
            run = container.run()
            return _judged(bench.plan, case, run, _collect(container, case), limits)
    except EngineFull:  # says nothing about the image
        raise
    except BuildError as error:  # the work failed, not the engine: nothing in the image could be started
        return _result(case, "failed", f"{error}", output=error.detail), {}


def _script(plan: Plan, case: Case) -> Path:
    if case.test.script is None:
        return BUILTINS[case.test.name].script
    return find_script(plan, case.test.script)


def read_scripts(plan: Plan, cases: Sequence[Case]) -> Scripts:
    """The script of every case that can run, by its path; where it cannot be read, why."""
    found: dict[Path, bytes | str] = {}
    for case in cases:
        if case.test.script is None and case.test.name not in BUILTINS:
            continue  # an unknown built-in: the test fails and says so
        path = _script(plan, case)
        try:
            found[path] = path.read_bytes()
        except OSError as error:
            found[path] = error.strerror or str(error)
    return found


def script_sha256(plan: Plan, case: Case, scripts: Scripts) -> str:
    """Hex sha256 of the script a case runs; empty where there is none to read."""
    if case.test.script is None and case.test.name not in BUILTINS:
        return ""
    script = scripts[_script(plan, case)]
    return "" if isinstance(script, str) else hashlib.sha256(script).hexdigest()


def _collect(container: Container, case: Case) -> Evidence:
    """What the test left. A built-in must leave a result; an own script may let its exit code speak.

    The container has ended by then and every process in it, so nothing changes while it is read.
    """
    try:
        kind = container.kind(f"{OUT}/{RESULT}")
        files = container.copy_out(OUT)
    except BuildError as error:  # more than the engine hands out
        return Evidence(fault=f"left what cannot be read: {error}")
    return read_evidence(files, required=case.test.script is None, kind=kind)


def _judged(plan: Plan, case: Case, run: RunResult, evidence: Evidence, limits: Limits) -> Judged:
    outcome, reason = ending(run, limits)
    if outcome == "passed" and evidence.fault:
        outcome, reason = "failed", evidence.fault
    elif outcome == "passed" and case.test.script is None:
        faults = BUILTINS[case.test.name].judge(evidence, case.lock, Setting(plan.spec, case.tier))
        outcome, reason = ("failed", "; ".join(faults)) if faults else ("passed", "")
    folder = f"{_harmless(case.lock.name)}/{_harmless(case.test.name)}{'-gpu' if case.tier == 2 else ''}"
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
