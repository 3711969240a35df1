"""Go through the doors of an image and judge what the probe saw behind each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.engine.port import DoorEngine, DoorResult, ImageInfo
from builder.errors import BuildError
from builder.lock.model import EnvironmentLock
from builder.plan import Plan
from builder.progress import Observer, StepFinished, StepLogged, StepStarted
from builder.smoke import doors
from builder.smoke.doors import DOORS, Door, Visit
from builder.smoke.verdict import Outcome, TestResult

PAYLOAD = Path(__file__).with_name("payload") / "doors.py"
CHANGING = "io.imgbuild.activation.changing"
# What every shell sets, and what conda tells about itself in other words than the image's ENV.
NOT_COMPARED = ("CONDA_", "_CE_", "__CONDA", "_CONDA")
OURS = frozenset(("PATH", "PS1", "SHLVL", "_", "PWD", "OLDPWD"))
TAIL = 20


@dataclass(frozen=True, slots=True)
class Expected:
    """What a program has to see. variables: what conda's own activation sets; those of `changing` in any value."""

    environment: str
    variables: Mapping[str, str]
    changing: frozenset[str]

    @property
    def prefix(self) -> str:
        """Where the environment lies."""
        return f"/opt/conda/envs/{self.environment}"


def try_doors(
    engine: DoorEngine, plan: Plan, image: ImageInfo, wanted: Sequence[Door], observer: Observer
) -> tuple[TestResult, ...]:
    """Each door with each environment, as results named `door:NAME`. A door that fails is a result."""
    results: list[TestResult] = []
    for place, lock in enumerate(plan.lock.environments):
        visit = Visit(image.id, plan.spec.user.uid, "" if place == 0 else lock.name)
        if not lock.python:
            results += [_result(door, lock, "not-run", "the environment has no python") for door in wanted]
            continue
        expected = _expected(engine, plan, image, visit, lock)
        results += [_told(engine, door, visit, lock, expected, observer) for door in wanted]
    return tuple(results)


def _expected(
    engine: DoorEngine, plan: Plan, image: ImageInfo, visit: Visit, lock: EnvironmentLock
) -> Expected | str:
    """What conda says; or why conda could not be asked."""
    spec = doors.reference(visit, lock.name, f"/home/{plan.spec.user.name}")
    try:
        result = engine.enter(spec, {doors.JOB: doors.REFERENCE.encode()}, doors.OUT)
    except BuildError as error:
        return f"`conda activate {lock.name}` could not be asked: {error}"
    if result.run.code != 0 or "after" not in result.files:
        return f"`conda activate {lock.name}` failed in a clean shell: {_last(result.run.output)}"
    before, after = (_variables(result.files.get(name, b"")) for name in ("before", "after"))
    found = {
        name: value
        for name, value in after.items()
        if before.get(name) != value
        and name not in OURS
        and not name.startswith(NOT_COMPARED)
        and name not in plan.spec.env  # the image's own wins over conda's
    }
    return Expected(lock.name, found, frozenset(image.labels.get(CHANGING, "").split()))


def _variables(data: bytes) -> dict[str, str]:
    pairs = (row.partition("=") for row in data.decode(errors="replace").split("\0") if row)
    return {name: value for name, _, value in pairs}


def _told(
    engine: DoorEngine,
    door: Door,
    visit: Visit,
    lock: EnvironmentLock,
    expected: Expected | str,
    observer: Observer,
) -> TestResult:
    key = f"door:{lock.name}:{door.name}"
    observer(StepStarted("smoke", key, f"door {door.name} of {lock.name}"))
    result = _tried(engine, door, visit, lock, expected)
    for line in result.output.splitlines():
        observer(StepLogged(key, line))
    observer(StepFinished(key, result.seconds, error=result.reason))
    return result


def _tried(
    engine: DoorEngine, door: Door, visit: Visit, lock: EnvironmentLock, expected: Expected | str
) -> TestResult:
    if isinstance(expected, str):
        return _result(door, lock, "failed", expected)
    files = {doors.PROBE: PAYLOAD.read_bytes(), doors.JOB: door.job(visit).encode()}
    try:
        result = engine.enter(door.way(visit), files, doors.OUT)
    except BuildError as error:  # nothing could be started that way
        return _result(door, lock, "failed", f"{error}", output=error.detail)
    outcome, reason, seen = _judged(door, visit, expected, result)
    output = "\n".join(line[:2000] for line in result.run.output.splitlines()[-TAIL:])
    numbers: dict[str, float | str] = {"uid": float(seen["uid"]), "user": str(seen["user"])} if seen else {}
    return _result(door, lock, outcome, reason, result.run.seconds, numbers, output)


def _judged(
    door: Door, visit: Visit, expected: Expected, result: DoorResult
) -> tuple[Outcome, str, dict[str, Any]]:
    if result.run.timed_out:
        return "timeout", f"killed after {doors.LIMITS.seconds:g} s", {}
    if result.run.code != 0:
        return "failed", f"ended with code {result.run.code}: {_last(result.run.output)}", {}
    seen = read_seen(result.files.get(doors.SEEN, b""))
    if not seen:
        return "failed", f"left no usable {doors.SEEN}", {}
    # only what ENV cannot hold may be missing where nothing but ENV speaks
    excused = expected.changing if door.only_env and not visit.chosen else frozenset()
    faults = judge(expected, seen, excused)
    return ("failed" if faults else "passed"), "; ".join(faults), seen


def read_seen(data: bytes) -> dict[str, Any]:
    """What the probe wrote; {} when it is not what the probe writes."""
    try:
        seen = json.loads(data)
    except ValueError:
        return {}
    shape = {"prefix": str, "which": str, "uid": int, "user": str, "caches": dict, "environ": dict}
    whole = isinstance(seen, dict) and all(isinstance(seen.get(name), kind) for name, kind in shape.items())
    return seen if whole else {}


def judge(expected: Expected, seen: Mapping[str, Any], excused: frozenset[str] = frozenset()) -> list[str]:
    """Every way in which this is not the environment, ready to be used."""
    environ = seen["environ"]
    pairs = [
        ("sys.prefix", expected.prefix, seen["prefix"]),
        ("python on PATH", f"{expected.prefix}/bin/python", seen["which"]),
        ("CONDA_PREFIX", expected.prefix, environ.get("CONDA_PREFIX")),
        ("CONDA_DEFAULT_ENV", expected.environment, environ.get("CONDA_DEFAULT_ENV")),
    ]
    for name, value in sorted(expected.variables.items()):
        if name in expected.changing:
            pairs += [(name, "set", None)] if name not in environ and name not in excused else []
        else:
            pairs.append((name, value, environ.get(name)))
    faults = [f"{name}: expected {want!r}, got {_shown(got)}" for name, want, got in pairs if want != got]
    if not seen["user"]:
        faults.append("getpass.getuser() knows nobody")
    faults += [f"{name} is not set" for name in seen.get("unset_caches", ())]
    faults += [f"{name} cannot be written: {why}" for name, why in sorted(seen["caches"].items()) if why]
    place, want = seen.get("matplotlib"), environ.get("MPLCONFIGDIR")
    if place and place != want:
        faults.append(f"matplotlib keeps its files in {place}, not in {want}")
    return faults


def _shown(got: object) -> str:
    return "nothing" if got is None else repr(got)


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"


def _result(
    door: Door,
    lock: EnvironmentLock,
    outcome: Outcome,
    reason: str = "",
    seconds: float = 0.0,
    numbers: dict[str, float | str] | None = None,
    output: str = "",
) -> TestResult:
    return TestResult(
        name=f"door:{door.name}",
        environment=lock.name,
        tier=1,
        outcome=outcome,
        seconds=round(seconds, 3),
        reason=reason,
        numbers=numbers or {},
        output=output,
    )


__all__ = ["DOORS", "Expected", "judge", "read_seen", "try_doors"]
