from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.engine.port import ContainerSpec, Limits
from builder.errors import BuildError, EngineError, ProofError
from builder.progress import Event, StepFinished, StepLogged, StepStarted, silent
from builder.smoke.prove import Proof, proof_digest, prove
from builder.smoke.verdict import TestResult, Verdict
from builder.spec.model import SmokeTest
from tests.support.fake_container import (
    DIGEST,
    IMAGE,
    Ended,
    FakeLab,
    environment_lock,
    passes,
    plan_of,
    png,
)

REGRESSION = SmokeTest(name="regression", timeout=120)


def own_test(folder: Path, **more: object) -> SmokeTest:
    (folder / "smoke").mkdir(exist_ok=True)
    (folder / "smoke" / "own.py").write_text("print('hello')\n")
    return SmokeTest.model_validate({"name": "own", "script": Path("smoke/own.py"), **more})


def last(folder: Path, ended: Ended | BaseException) -> TestResult:
    """The result of an own test that ends like this; python before it passes."""

    def behave(spec: ContainerSpec, files: Mapping[str, bytes]) -> Ended | BaseException:
        return ended if "test/own.py" in files else passes(spec, files)

    lab = FakeLab(behave)
    proof = prove(lab, plan_of(folder, own_test(folder)), IMAGE, observer=silent)
    assert lab.removed == len(lab.specs) == 2
    assert proof.verdict.results[0].outcome == "passed"
    assert proof.verdict.passed == (proof.verdict.results[1].outcome == "passed")
    return proof.verdict.results[1]


def test_a_good_image_is_proven(tmp_path: Path) -> None:
    proof = prove(FakeLab(), plan_of(tmp_path, REGRESSION), "imgbuild/regression:latest", observer=silent)
    verdict = proof.verdict
    assert verdict.passed
    assert verdict.image_id == IMAGE
    assert (verdict.plan_digest, verdict.source, verdict.stand_in) == (DIGEST, "kit:" + "b" * 64, True)
    assert [(one.name, one.tier, one.outcome, one.reason) for one in verdict.results] == [
        ("python", 1, "passed", ""),
        ("regression", 1, "passed", ""),
    ]
    assert verdict.results[1].numbers["coefficient"] == 2.0
    assert proof.plots["regression/regression/regression.png"] == png()
    assert verdict.results[1].plots == ("regression/regression/regression.png",)
    assert set(verdict.not_proven) == {"audit", "gpu", "multi-gpu"}
    assert Verdict.model_validate_json(proof.json) == verdict


def test_the_sandbox_is_closed(tmp_path: Path) -> None:
    lab = FakeLab()
    prove(lab, plan_of(tmp_path, REGRESSION), IMAGE, observer=silent)
    spec = lab.specs[1]
    assert (spec.image, spec.argv) == (IMAGE, ("python", "/imgbuild/smoke/test/regression.py"))
    assert (spec.network, spec.read_only, spec.uid, spec.entrypoint) == ("none", True, 12345, None)
    assert spec.limits == Limits(memory=2 * 2**30, tmpfs=512 * 2**20, pids=256, seconds=120)
    assert spec.env["HOME"] == "/tmp"
    assert spec.env["USER"] == spec.env["LOGNAME"] == "smoke"
    assert spec.env["IMGBUILD_RESULT"] == "/imgbuild/smoke/out/result.json"
    assert spec.env["MPLCONFIGDIR"].startswith("/tmp/")
    assert "IMGBUILD_ENV" not in spec.env


def test_limits_can_be_given_and_only_tighten_the_time(tmp_path: Path) -> None:
    lab = FakeLab()
    given = Limits(memory=1, tmpfs=2, pids=3, seconds=30, cpus=1.5)
    prove(
        lab, plan_of(tmp_path, SmokeTest(name="regression", timeout=20)), IMAGE, observer=silent, limits=given
    )
    assert [spec.limits.seconds for spec in lab.specs] == [30, 20]
    assert lab.specs[0].limits.cpus == 1.5
    assert all(math.isfinite(spec.limits.seconds) for spec in lab.specs)


def test_other_environments_are_chosen_by_name(tmp_path: Path) -> None:
    lab = FakeLab()
    plan = plan_of(tmp_path, REGRESSION, locks=(environment_lock(), environment_lock("second")))
    assert prove(lab, plan, IMAGE, observer=silent).verdict.passed
    assert [spec.env.get("IMGBUILD_ENV") for spec in lab.specs] == [None, None, "second", "second"]


def test_a_python_of_another_environment_does_not_pass(tmp_path: Path) -> None:
    def always_first(spec: ContainerSpec, files: Mapping[str, bytes]) -> Ended:
        env = {name: value for name, value in spec.env.items() if name != "IMGBUILD_ENV"}
        first = ContainerSpec(spec.image, spec.argv, env, spec.uid, spec.limits, spec.volume, spec.workdir)
        return passes(first, files)

    plan = plan_of(tmp_path, locks=(environment_lock(), environment_lock("second")))
    verdict = prove(FakeLab(always_first), plan, IMAGE, observer=silent).verdict
    assert not verdict.passed
    assert (
        verdict.results[1].reason
        == "prefix: expected /opt/conda/envs/second, got '/opt/conda/envs/regression'"
    )


def test_caches_are_moved_to_where_one_can_write(tmp_path: Path) -> None:
    lab = FakeLab()
    env = {"HF_HOME": "/cache/huggingface", "TORCH_HOME": "/opt/models"}
    prove(lab, plan_of(tmp_path, env=env), IMAGE, observer=silent)
    assert lab.specs[0].env["HF_HOME"] == "/tmp/huggingface"
    assert "TORCH_HOME" not in lab.specs[0].env


@pytest.mark.parametrize(
    ("ended", "outcome", "reason"),
    [
        (Ended(), "passed", ""),
        (Ended({"result.json": b'{"loss": 0.5}'}), "passed", ""),
        (Ended(code=None, timed_out=True), "timeout", "killed after 300 s, its limit"),
        (
            Ended(code=137, out_of_memory=True),
            "failed",
            "out of memory: it needs more than its limit of 2048 MiB",
        ),
        (
            Ended(code=1, output="Traceback\nValueError: bad\n\n"),
            "failed",
            "ended with code 1: ValueError: bad",
        ),
        (Ended(code=3), "failed", "ended with code 3, and printed nothing"),
        (Ended(code=139), "failed", "ended with code 139 (SIGSEGV), and printed nothing"),
        (Ended(code=255), "failed", "ended with code 255, and printed nothing"),
        (Ended(code=None), "failed", "killed from outside, and printed nothing"),
        (
            Ended(code=None, timed_out=True, crowded=True),
            "timeout",
            "killed after 300 s, its limit, with 256 processes running, as many as it may have",
        ),
        (
            Ended(code=None, spilled=True),
            "failed",
            "killed: it left over 64 MiB beside its result, which is more than comes out",
        ),
        (
            Ended({"result.json": b"{}"}, kinds={"result.json": "a regular file"}, code=1, output="x"),
            "failed",
            "ended with code 1: x",
        ),
        (
            Ended(kinds={"result.json": "a symbolic link"}),
            "failed",
            "result.json is a symbolic link, not a regular file",
        ),
        (Ended({"result.json": b'{"loss": NaN}'}), "failed", "result.json holds NaN, which is no number"),
        (BuildError("exec: no such file", where="x"), "failed", "x: exec: no such file"),
    ],
)
def test_however_an_own_test_ends(
    tmp_path: Path, ended: Ended | BaseException, outcome: str, reason: str
) -> None:
    result = last(tmp_path, ended)
    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        (
            {},
            "left no regular file result.json",
        ),  # also where a link was left: the engine hands out files only
        ({"result.json": b"garbage"}, "result.json is not JSON"),
        ({"result.json": b"{}" + b" " * 2**21}, "result.json has 2097154 bytes"),
        ({"result.json": b"{}"}, "prefix: expected /opt/conda/envs/regression, got nothing"),
    ],
)
def test_a_built_in_without_a_good_result_has_failed(
    tmp_path: Path, left: Mapping[str, bytes], reason: str
) -> None:
    verdict = prove(FakeLab(lambda *_: Ended(left)), plan_of(tmp_path), IMAGE, observer=silent).verdict
    assert not verdict.passed
    assert verdict.results[0].outcome == "failed"
    assert verdict.results[0].reason.startswith(reason)


def test_too_much_left_behind_is_a_failure_unless_the_run_failed_before(tmp_path: Path) -> None:
    refused = "over 64 MiB of files would come out"
    assert last(tmp_path, Ended(refused=refused)).reason == f"left what cannot be read: {refused}"
    assert last(tmp_path, Ended(code=None, timed_out=True, refused=refused)).outcome == "timeout"


def test_a_script_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    test = SmokeTest(name="own", script=Path("smoke/gone.py"))
    result = prove(FakeLab(), plan_of(tmp_path, test), IMAGE, observer=silent).verdict.results[1]
    assert result.outcome == "failed"
    assert result.reason == f"cannot read {tmp_path}/smoke/gone.py: No such file or directory"


def test_an_inherited_script_is_found_in_the_parents_folder(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent", tmp_path / "child"
    parent.mkdir()
    child.mkdir()
    test = own_test(parent)
    seen: list[Mapping[str, bytes]] = []

    def behave(spec: ContainerSpec, files: Mapping[str, bytes]) -> Ended:
        seen.append(dict(files))
        return passes(spec, files)

    assert prove(
        FakeLab(behave), plan_of(child, test, lineage=("parent",)), IMAGE, observer=silent
    ).verdict.passed
    assert seen[1] == {"test/own.py": b"print('hello')\n"}


def test_gpu_is_not_proven_without_one(tmp_path: Path) -> None:
    lab = FakeLab()
    verdict = prove(lab, plan_of(tmp_path, own_test(tmp_path, needs="gpu")), IMAGE, observer=silent).verdict
    assert verdict.results[1].outcome == "not-run"
    assert verdict.passed
    assert verdict.not_proven["gpu"] == "own in regression: no GPU: none was asked for"
    assert len(lab.specs) == 1


def test_a_part_is_said_to_be_a_part(tmp_path: Path) -> None:
    lab = FakeLab()
    verdict = prove(lab, plan_of(tmp_path, REGRESSION), IMAGE, observer=silent, only=["regression"]).verdict
    assert len(lab.specs) == 1
    assert verdict.not_proven["cpu"] == "only regression was asked for, not python"


def test_nothing_that_ran_is_not_passed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, own_test(tmp_path, needs="gpu"))
    assert not prove(FakeLab(), plan, IMAGE, observer=silent, only=["own"]).verdict.passed


def test_another_plans_image_is_not_recorded_as_this_plans(tmp_path: Path) -> None:
    with pytest.raises(ProofError, match="built from plan eeeeeeeeeeee"):
        prove(FakeLab(labels={"io.imgbuild.plan": "e" * 64}), plan_of(tmp_path), IMAGE, observer=silent)
    with pytest.raises(ProofError, match="no such image"):
        prove(FakeLab(), plan_of(tmp_path), "sha256:gone", observer=silent)


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), EngineError("gone")])
def test_an_interrupt_and_a_lost_engine_leave_no_container(tmp_path: Path, trouble: BaseException) -> None:
    lab = FakeLab(lambda *_: trouble)
    with pytest.raises(type(trouble)):
        prove(lab, plan_of(tmp_path), IMAGE, observer=silent)
    assert lab.removed == len(lab.specs) == 1


def test_what_happens_is_told(tmp_path: Path) -> None:
    events: list[Event] = []
    lab = FakeLab(lambda *_: Ended(code=1, output="one\ntwo"))
    prove(lab, plan_of(tmp_path), IMAGE, observer=events.append)
    key = "smoke:regression:python"
    assert events == [
        StepStarted("smoke", key, "python in regression"),
        StepLogged(key, "one"),
        StepLogged(key, "two"),
        StepFinished(key, 1.5, error="ended with code 1: two"),
    ]


def test_names_that_hurt_cannot_reach_a_path(tmp_path: Path) -> None:
    script = tmp_path / "we ird\\na\nme.py"
    script.write_text("")
    test = SmokeTest(name="../../x", script=script)
    seen: list[str] = []

    def behave(spec: ContainerSpec, files: Mapping[str, bytes]) -> Ended:
        seen.extend(files)
        return passes(spec, files)

    proof: Proof = prove(FakeLab(behave), plan_of(tmp_path, test), IMAGE, observer=silent)
    assert seen[1] == "test/we-ird-na-me.py"
    assert "regression/-..-x/regression.png" in proof.plots


def test_the_proofs_digest_follows_tests_and_scripts(tmp_path: Path) -> None:
    test = own_test(tmp_path)
    first = proof_digest(plan_of(tmp_path, test))
    assert first == proof_digest(plan_of(tmp_path, test))
    assert first != proof_digest(plan_of(tmp_path))
    assert first != proof_digest(plan_of(tmp_path, own_test(tmp_path, timeout=1)))
    (tmp_path / "smoke" / "own.py").write_text("print('other')\n")
    assert first != proof_digest(plan_of(tmp_path, test))
    assert proof_digest(plan_of(tmp_path, SmokeTest(name="unknown")))
    assert json.dumps(first)
