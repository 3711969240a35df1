"""The judge of the `cuda` test, on the numbers that the payload writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.smoke.evidence import Evidence
from builder.smoke.judge_cuda import judge_cuda
from builder.smoke.measured import Setting
from tests.support.fake_container import environment_lock, spec_of

VERSIONS = {"python": "3.13.1", "torch": "2.14.1+cu130", "triton": "3.8.0", "bitsandbytes": "0.50.2"}
ARCHITECTURES = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
CPU: dict[str, float | str] = {
    "python": "3.13.1",
    "prefix": "/opt/conda/envs/regression",
    "torch": "2.14.1",
    "cuda": "13.0",
    "architectures": ARCHITECTURES,
    "gpus": 0.0,
    "bitsandbytes": "0.50.2",
    "bitsandbytes_loads": "true",
    "compiler": "/usr/bin/gcc",
    "launcher": 42.0,
    "triton": "3.8.0",
    **{f"triton_{name}": 4096.0 for name in ARCHITECTURES.split()},
    "graphs": 1.0,
    "inductor_difference": 1.5e-5,
}
GPU: dict[str, float | str] = {
    **CPU,
    "gpus": 1.0,
    "matmul_fp32": 1e-6,
    "matmul_low": 4e-3,
    "attention": 4e-3,
    "memory_taken": float(256 << 20),
    "memory_left": 0.0,
}
GPUS = ("t4", "h100", "b200")


def faults(numbers: dict[str, float | str], tier: int = 1, **more: object) -> list[str]:
    """more: fields of the spec."""
    spec = spec_of(Path("/nowhere"), "regression", **{"cuda": "13.0", "targets": {"gpus": GPUS}, **more})
    return judge_cuda(Evidence(numbers), environment_lock(versions=VERSIONS), Setting(spec, tier))


def test_true_numbers_pass_with_and_without_a_gpu() -> None:
    assert faults(CPU) == []
    assert faults(GPU, 2) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("torch", "2.14.0", "torch: expected version 2.14.1+cu130, got '2.14.0'"),
        ("triton", "", "triton: expected version 3.8.0, got ''"),
        ("cuda", "13.2", "cuda: expected the declared line 13.0, got '13.2'"),
        ("cuda", "12.6", "cuda: expected the declared line 13.0, got '12.6'"),
        ("cuda", "none", "cuda: expected the declared line 13.0, got 'none'"),
        ("gpus", 1.0, "gpus: expected 0, got 1.0"),
        (
            "bitsandbytes_loads",
            "libcublas.so.13: no",
            "bitsandbytes_loads: expected true, got 'libcublas.so.13: no'",
        ),
        ("compiler", "none", "compiler: expected gcc or clang, got none: Triton cannot launch a kernel"),
        ("launcher", "Python.h: No such file", "launcher: expected 42, got 'Python.h: No such file'"),
        ("triton_sm_90", 0.0, "triton_sm_90: expected machine code, got 0.0"),
        (
            "triton_sm_75",
            "RuntimeError: ptxas",
            "triton_sm_75: expected machine code, got 'RuntimeError: ptxas'",
        ),
        ("graphs", 2.0, "graphs: expected 1, got 2.0"),
        (
            "inductor_difference",
            0.5,
            "inductor_difference: expected 0 to 0.001 (what torch.compile makes computes the same), got 0.5",
        ),
    ],
)
def test_each_wrong_number_fails_under_its_name(name: str, value: float | str, expected: str) -> None:
    assert faults({**CPU, name: value}) == [expected]


@pytest.mark.parametrize("name", sorted(GPU.keys() - {"python"}))
def test_what_is_not_measured_is_a_fault(name: str) -> None:
    assert faults({key: value for key, value in GPU.items() if key != name}, 2) != []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gpus", 0.0),
        ("matmul_fp32", 1e-3),
        ("matmul_low", 0.1),
        ("attention", 1.0),
        ("memory_left", float(512 << 20)),
    ],
)
def test_a_gpu_that_computes_something_else_fails(name: str, value: float) -> None:
    (fault,) = faults({**GPU, name: value}, 2)
    assert fault.startswith(f"{name}: expected ")


def test_a_declared_gpu_without_code_is_named() -> None:
    assert faults(CPU, targets={"gpus": ("v100", "h100")}) == [
        f"architectures: expected one that runs on v100 (7.0), got '{ARCHITECTURES}'"
    ]
    assert "is no target of device code" in faults({**CPU, "architectures": "sm_75 nonsense"})[0]


def test_triton_need_not_compile_for_what_it_does_not_support() -> None:
    numbers = {**CPU, "architectures": f"sm_50 sm_60 {ARCHITECTURES}", "triton_sm_60": "not supported"}
    assert faults(numbers) == []


def test_a_torch_without_architectures_proves_nothing_of_triton() -> None:
    numbers = {**CPU, "architectures": ""}
    (fault,) = faults(numbers, targets={})
    assert fault == "architectures: expected some that Triton compiles for, got ''"


def test_packages_that_the_lock_does_not_hold_are_not_asked_for() -> None:
    lean = {name: value for name, value in CPU.items() if not name.startswith(("triton", "bitsandbytes"))}
    lock = environment_lock(versions={"python": "3.13.1", "torch": "2.14.1"})
    assert judge_cuda(Evidence(lean), lock, Setting(spec_of(Path("/nowhere"), "regression"), 1)) == []
