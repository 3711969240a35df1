"""Which GPUs a proof takes, from what the engine says and what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.engine.port import ContainerSpec, EngineInfo, GpuRequest
from builder.errors import BuildError, EngineError, UsageError
from builder.progress import silent
from builder.smoke import gpus as module
from builder.smoke.gpus import Gpus, find_gpus, read_gpus
from builder.smoke.prove import proof_digest, prove
from builder.smoke.select import cases, wants_gpu
from builder.spec.model import SmokeTest
from tests.support.fake_container import IMAGE, Ended, FakeLab, environment_lock, passes, plan_of

REFUSAL = 'could not select device driver "" with capabilities: [[gpu]]'
UUID = "GPU-3a9f2b1c-0000-0000-0000-000000000000"
TORCH = environment_lock(versions={"python": "3.11.2", "torch": "2.14.1"})


class Lab(FakeLab):
    """An engine that says this of GPUs, and starts containers with them or not."""

    def __init__(
        self, *, devices: tuple[str, ...] = (), runtimes: tuple[str, ...] = (), starts: bool = True
    ) -> None:
        super().__init__(self._start)
        self._said = {"devices": devices, "runtimes": runtimes, "here": False}
        self._starts = starts

    def info(self) -> EngineInfo:
        return replace(super().info(), **self._said)  # type: ignore[arg-type]

    def _start(self, spec: ContainerSpec, files: Mapping[str, bytes]) -> Ended | BaseException:
        if spec.gpus and not self._starts:
            return BuildError(REFUSAL)
        return Ended() if spec.argv == ("true",) else passes(spec, files)


@pytest.mark.parametrize("text", ["auto", "none", "all", "0", "0,1", "1:0", UUID, f"0,{UUID}"])
def test_what_can_be_asked_for(text: str) -> None:
    assert read_gpus(text) == text


@pytest.mark.parametrize("text", ["", "every", "0,", "-1", "GPU-", "nvidia.com/gpu=0", "0 1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no GPUs"):
        read_gpus(text)


def test_an_engine_that_gives_none_is_not_tried() -> None:
    lab = Lab()
    assert find_gpus(lab, IMAGE).request is None
    assert "the engine gives none" in find_gpus(lab, IMAGE).why
    assert lab.specs == []


def test_a_machine_with_gpus_is_worth_a_try(monkeypatch: pytest.MonkeyPatch) -> None:
    class Seen:
        gpus = ("a GPU",)

    lab = Lab()
    lab._said["here"] = True
    monkeypatch.setattr(module, "look", Seen)
    assert find_gpus(lab, IMAGE) == Gpus(GpuRequest("driver"))
    assert lab.specs[0].gpus == GpuRequest("driver")


def test_devices_of_cdi_come_first() -> None:
    lab = Lab(devices=("nvidia.com/gpu=0", "nvidia.com/gpu=all"), runtimes=("nvidia", "runc"))
    assert find_gpus(lab, IMAGE, "0,1") == Gpus(GpuRequest("cdi", ("0", "1")))
    assert find_gpus(Lab(devices=("intel.com/gpu=0",), runtimes=("nvidia",)), IMAGE) == Gpus(
        GpuRequest("driver")
    )


def test_one_that_does_not_start_is_told_or_refused() -> None:
    lab = Lab(runtimes=("nvidia",), starts=False)
    assert find_gpus(lab, IMAGE) == Gpus(why=f"no container starts with them: {REFUSAL}")
    with pytest.raises(EngineError, match=r"with the GPUs of --gpus all: could not select device driver"):
        find_gpus(lab, IMAGE, "all")
    assert find_gpus(lab, IMAGE, "none") == Gpus(why="--gpus none was asked for")


def test_a_builtin_with_a_gpu_part_runs_twice(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SmokeTest(name="cuda"), locks=(TORCH,), cuda="13.0")
    assert wants_gpu(plan)
    assert not wants_gpu(plan_of(tmp_path, SmokeTest(name="regression")))
    assert not wants_gpu(plan_of(tmp_path, SmokeTest(name="cuda"), locks=(TORCH,)))
    bare = [(case.test.name, case.tier, case.settled) for case in cases(plan)]
    assert bare == [("python", 1, None), ("cuda", 1, None), ("cuda", 2, "not-run")]
    given = cases(plan, gpus=Gpus(GpuRequest()))
    assert [case.settled for case in given] == [None, None, None]


def test_gpus_are_given_in_tier_two_alone(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SmokeTest(name="cuda"), locks=(TORCH,), cuda="13.0")
    lab = FakeLab()
    proof = prove(lab, plan, IMAGE, observer=silent, gpus=Gpus(GpuRequest("cdi", ("0",))))
    plain, without, with_gpu = lab.specs
    assert (plain.gpus, without.gpus, with_gpu.gpus) == (None, None, GpuRequest("cdi", ("0",)))
    assert without.env["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "NVIDIA_VISIBLE_DEVICES" not in with_gpu.env
    assert with_gpu.limits.shm == without.limits.shm == 1 << 30
    assert with_gpu.limits.memory > plain.limits.memory
    assert proof.digest == proof_digest(plan, with_gpu=True) != proof_digest(plan)


def test_what_has_no_gpu_says_why_once(tmp_path: Path) -> None:
    stack = ("python", "torch", "transformers", "peft", "trl", "accelerate", "datasets")
    lock = environment_lock(versions=dict.fromkeys(stack, "3.11.2"))
    plan = plan_of(tmp_path, SmokeTest(name="cuda"), SmokeTest(name="lora"), locks=(lock,), cuda="13.0")
    verdict = prove(FakeLab(), plan, IMAGE, observer=silent, gpus=Gpus(why="the engine gives none")).verdict
    assert (
        verdict.not_proven["gpu"] == "cuda in regression, lora in regression: no GPU: the engine gives none"
    )


def test_a_container_that_fails_with_them_has_none() -> None:
    class Failing(Lab):
        def _start(self, spec: ContainerSpec, files: Mapping[str, bytes]) -> Ended | BaseException:
            return Ended(code=1) if spec.gpus else super()._start(spec, files)

    assert (
        find_gpus(Failing(runtimes=("nvidia",)), IMAGE).why
        == "no container starts with them: `true` ended with 1"
    )


def test_all_of_an_engine_that_promises_none_is_an_error() -> None:
    with pytest.raises(EngineError, match="no container starts with the GPUs of --gpus all"):
        find_gpus(Lab(starts=False), IMAGE, "all")
