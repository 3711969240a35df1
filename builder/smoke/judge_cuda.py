"""What the `cuda` test must have measured: torch, Triton, bitsandbytes and a compiler, on the declared line."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from builder.gpu.tables import compilers
from builder.gpu.target import Capability, capability, target
from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.measured import (
    Numbers,
    Setting,
    between,
    covered,
    cuda_line,
    faults,
    gpus_as_given,
    is_text,
    judge_interpreter,
    locked_version,
    near,
    shown,
    versions,
)

CUDA_PACKAGES: dict[str, tuple[str, ...]] = {"torch": ("torch", "pytorch", "pytorch-gpu")}
_BESIDE = {"bitsandbytes": ("bitsandbytes",), "triton": ("triton",)}
LAUNCHER = 42
INDUCTOR = 1e-3  # the largest value is about 80: some hundred times fp32's rounding
FP32 = 1e-4  # without TF32, 512 products added up
LOW = 3e-2  # bf16 keeps 8 bits
WORKSPACE = 64 << 20
BLOCK = 256 << 20  # bytes that the payload takes and gives back


def judge_cuda(evidence: Evidence, lock: EnvironmentLock, setting: Setting) -> list[str]:
    """Versions and CUDA line are the declared ones, the GPUs are covered, what compiles compiles, and with a GPU it
    computes what a CPU does."""
    numbers = evidence.numbers
    return faults(
        [
            judge_interpreter(evidence, lock, setting),
            versions(numbers, lock, CUDA_PACKAGES | _BESIDE),
            cuda_line(numbers, setting.spec),
            covered(numbers, setting.spec),
            gpus_as_given(numbers, setting),
            is_text(numbers, "bitsandbytes_loads", "true") if locked_version(lock, ("bitsandbytes",)) else [],
            _compiler(numbers),
            _kernels(numbers, locked_version(lock, ("triton",))),
            near(numbers, "graphs", 1, 0),
            between(
                numbers, "inductor_difference", 0, INDUCTOR, "what torch.compile makes computes the same"
            ),
            *(_on_a_gpu(numbers) if setting.tier == 2 else ()),
        ]
    )


def _compiler(numbers: Numbers) -> list[str]:
    """A C compiler that finds Python's headers, and what it makes runs: Triton's launchers are made so."""
    if numbers.get("compiler", "none") == "none":
        return ["compiler: expected gcc or clang, got none: Triton cannot launch a kernel"]
    return near(numbers, "launcher", LAUNCHER, 0)


def _kernels(numbers: Numbers, triton: str) -> list[str]:
    """Machine code from Triton for every architecture of this torch that Triton supports."""
    if not triton:
        return []
    least = _least(triton)
    names = str(numbers.get("architectures", "")).split()
    wanted = [one for one in names if one.startswith("sm_") and _capability(one) >= least]
    if not wanted:
        return [
            f"architectures: expected some that Triton compiles for, got {shown(numbers, 'architectures')}"
        ]
    wrong = [f"triton_{name}" for name in wanted if not _has_code(numbers.get(f"triton_{name}"))]
    return [f"{name}: expected machine code, got {shown(numbers, name)}" for name in wrong]


def _has_code(got: float | str | None) -> bool:
    return isinstance(got, float) and got > 0


def _capability(name: str) -> Capability:
    return target(name).capability


def _least(triton: str) -> Capability:
    row = next(row for row in compilers()["triton"] if Version(row.since) <= Version(triton))
    return capability(row.compute)


def _on_a_gpu(numbers: Numbers) -> Iterator[list[str]]:
    yield between(numbers, "matmul_fp32", 0, FP32)
    yield between(numbers, "matmul_low", 0, LOW)
    yield between(numbers, "attention", 0, LOW)
    yield between(numbers, "memory_taken", BLOCK, float("inf"), "bytes of one block")
    # cuBLAS keeps its workspace, of a few MB, as long as the process lives
    yield between(numbers, "memory_left", 0, WORKSPACE, "bytes still held of all that ran")
