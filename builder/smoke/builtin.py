"""The smoke tests that imgbuild brings along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.judge_cuda import CUDA_PACKAGES, judge_cuda
from builder.smoke.judge_lora import LORA_PACKAGES, judge_lora
from builder.smoke.judge_regression import REGRESSION_PACKAGES, judge_regression
from builder.smoke.judge_tensorflow import TENSORFLOW_PACKAGES, judge_tensorflow
from builder.smoke.measured import Setting, judge_interpreter, locked_version

PAYLOAD = Path(__file__).with_name("payload")
Judge = Callable[[Evidence, EnvironmentLock, Setting], list[str]]


@dataclass(frozen=True, slots=True)
class Resources:
    """What a test needs beyond the usual. memory, tmpfs and shm in bytes; processes; seconds."""

    memory: int
    tmpfs: int
    shm: int
    pids: int
    seconds: int


# torch, its compiler's cache, and a trainer with its workers.
LARGE = Resources(memory=6 << 30, tmpfs=2 << 30, shm=1 << 30, pids=1024, seconds=900)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A script of payload/ and the judge of what it measures.

    packages: what an environment must hold for the test to mean something; each name with the names under
    which a lock may hold it. tiers: in which it runs; in 2 it is given GPUs.
    """

    script: Path
    judge: Judge
    packages: dict[str, tuple[str, ...]]
    tiers: tuple[int, ...] = (1,)
    resources: Resources | None = None

    def missing(self, lock: EnvironmentLock) -> list[str]:
        """The packages this environment lacks."""
        return [name for name, held in self.packages.items() if not locked_version(lock, held)]


PYTHON = "python"
BUILTINS: dict[str, Builtin] = {
    PYTHON: Builtin(PAYLOAD / "interpreter.py", judge_interpreter, {}),
    "regression": Builtin(PAYLOAD / "regression.py", judge_regression, REGRESSION_PACKAGES),
    "cuda": Builtin(PAYLOAD / "smoke_cuda.py", judge_cuda, CUDA_PACKAGES, (1, 2), LARGE),
    "lora": Builtin(PAYLOAD / "smoke_lora.py", judge_lora, LORA_PACKAGES, (1, 2), LARGE),
    "tensorflow": Builtin(
        PAYLOAD / "smoke_tensorflow.py", judge_tensorflow, TENSORFLOW_PACKAGES, (1, 2), LARGE
    ),
}
