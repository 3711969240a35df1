"""What a probe saw behind a door, judged; and doors by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.engine.port import DoorResult, DoorSpec, ImageInfo, RunResult
from builder.errors import BuildError, UsageError
from builder.progress import silent
from builder.smoke import doors
from builder.smoke.doors import DOORS, Visit, find_doors
from builder.smoke.doors_run import Expected, judge, read_seen, try_doors
from builder.smoke.verdict import TestResult
from tests.support.fake_container import IMAGE, FakeLab, environment_lock, plan_of

PREFIX = "/opt/conda/envs/regression"
EXPECTED = Expected("regression", {"MODE": "x"}, frozenset())


def good(**environ: str) -> dict[str, Any]:
    """What a probe sees when all is well."""
    inside = {
        "CONDA_PREFIX": PREFIX,
        "CONDA_DEFAULT_ENV": "regression",
        "MODE": "x",
        "MPLCONFIGDIR": "/cache/m",
    }
    return {
        "prefix": PREFIX,
        "which": f"{PREFIX}/bin/python",
        "uid": 12345,
        "user": "app",
        "caches": {"MPLCONFIGDIR": ""},
        "unset_caches": [],
        "matplotlib": "/cache/m",
        "environ": {**inside, **environ},
    }


def test_all_is_well() -> None:
    assert judge(EXPECTED, good()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"prefix": "/usr"}, "sys.prefix: expected '/opt/conda/envs/regression', got '/usr'"),
        ({"which": "/usr/bin/python"}, "python on PATH"),
        ({"user": ""}, "getpass.getuser() knows nobody"),
        (
            {"caches": {"HF_HOME": "/cache/hf: Read-only file system"}},
            "HF_HOME cannot be written: /cache/hf: Read-only",
        ),
        ({"unset_caches": ["TORCH_HOME"]}, "TORCH_HOME is not set"),
        ({"matplotlib": "/tmp/matplotlib-x"}, "matplotlib keeps its files in /tmp/matplotlib-x"),
        ({"environ": {**good()["environ"], "MODE": "y"}}, "MODE: expected 'x', got 'y'"),
        ({"environ": {**good()["environ"], "CONDA_PREFIX": "/opt/conda"}}, "CONDA_PREFIX: expected"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], fault: str) -> None:
    (found,) = judge(EXPECTED, {**good(), **change})
    assert fault in found


def test_a_value_that_depends_on_who_comes_only_has_to_be_there() -> None:
    expected = Expected("regression", {"PLACE": "/home/app"}, frozenset({"PLACE"}))
    assert judge(expected, good(PLACE="/tmp/home-1")) == []
    assert judge(expected, good()) == ["PLACE: expected 'set', got nothing"]
    assert judge(expected, good(), frozenset({"PLACE"})) == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"prefix": 1}', b"\xff"])
def test_what_no_probe_writes_is_not_read(data: bytes) -> None:
    assert read_seen(data) == {}


def test_doors_by_name() -> None:
    assert find_doors(["all"]) == DOORS
    assert [door.name for door in find_doors(["gitlab", "exec-form", "gitlab"])] == ["gitlab", "exec-form"]
    assert find_doors([]) == ()
    with pytest.raises(UsageError, match="no door is called 'login'") as error:
        find_doors(["login"])
    assert error.value.fix == "did you mean login-shell?"


@pytest.mark.parametrize("chosen", ["", "it's"])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_door_runs_the_probe_in_the_chosen_environment(door: doors.Door, chosen: str) -> None:
    visit = Visit(IMAGE, 1000, chosen)
    spec = door.way(visit)
    said = repr((spec.argv, spec.inside, spec.stdin, door.job(visit)))
    assert doors.PROBE in said
    by_variable = "IMGBUILD_ENV" in spec.env or "IMGBUILD_ENV" in spec.inside_env
    by_conda = "conda run" in said or "'conda', 'run'" in said or "conda activate" in said
    assert (by_variable, by_conda) in ({(True, False), (False, True)} if chosen else {(False, False)})


class Hall(FakeLab):
    """An engine whose doors lead where a test wants."""

    def __init__(self, seen: Mapping[str, Any] | BuildError, run: RunResult | None = None) -> None:
        super().__init__()
        self.seen = seen
        self.ended = run or RunResult(0, "", 0.1)

    def enter(self, door: DoorSpec, files: Mapping[str, bytes], out: str) -> DoorResult:
        del out
        if b'conda activate "$1"' in files[doors.JOB]:
            return DoorResult(
                RunResult(0, "", 0.1), {"before": b"A=1\0", "after": b"A=1\0MODE=x\0CONDA_PREFIX=y\0"}
            )
        if isinstance(self.seen, BuildError):
            raise self.seen
        return DoorResult(self.ended, {doors.SEEN: json.dumps(self.seen).encode()})


def through(hall: Hall, folder: Path) -> TestResult:
    image = ImageInfo(IMAGE, (), {}, 1, "linux/amd64")
    (result,) = try_doors(hall, plan_of(folder), image, find_doors(["exec-form"]), silent)
    return result


def test_a_door_is_a_result(tmp_path: Path) -> None:
    result = through(Hall(good()), tmp_path)
    assert (result.name, result.environment, result.outcome, result.tier) == (
        "door:exec-form",
        "regression",
        "passed",
        1,
    )
    assert result.numbers == {"uid": 12345.0, "user": "app"}


@pytest.mark.parametrize(
    ("hall", "outcome", "reason"),
    [
        (Hall(good(MODE="y")), "failed", "MODE: expected 'x', got 'y'"),
        (Hall({}), "failed", "left no usable door.json"),
        (Hall(good(), RunResult(3, "no such thing\n", 0.1)), "failed", "ended with code 3: no such thing"),
        (Hall(good(), RunResult(None, "", 9.0, timed_out=True)), "timeout", "killed after 120 s"),
        (Hall(BuildError("bash: not found")), "failed", "bash: not found"),
    ],
)
def test_a_door_that_fails_is_a_result_with_a_reason(
    hall: Hall, outcome: str, reason: str, tmp_path: Path
) -> None:
    result = through(hall, tmp_path)
    assert result.outcome == outcome
    assert reason in result.reason


def test_an_environment_without_python_has_no_doors(tmp_path: Path) -> None:
    lock = environment_lock("bare", {"zlib": "1"})
    image = ImageInfo(IMAGE, (), {}, 1, "linux/amd64")
    results = try_doors(Hall(good()), plan_of(tmp_path, locks=[lock]), image, DOORS, silent)
    assert {result.outcome for result in results} == {"not-run"}
    assert len(results) == len(DOORS)
