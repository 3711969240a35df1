"""The smoke tests that imgbuild brings along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.judge import REGRESSION_PACKAGES, judge_interpreter, judge_regression, locked_version

PAYLOAD = Path(__file__).with_name("payload")
Judge = Callable[[Evidence, EnvironmentLock], list[str]]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A script of payload/ and the judge of what it measures.

    packages: what an environment must hold for the test to mean something; each name with the names under
    which a lock may hold it.
    """

    script: Path
    judge: Judge
    packages: dict[str, tuple[str, ...]]

    def missing(self, lock: EnvironmentLock) -> list[str]:
        """The packages this environment lacks."""
        return [name for name, held in self.packages.items() if not locked_version(lock, held)]


PYTHON = "python"
BUILTINS: dict[str, Builtin] = {
    PYTHON: Builtin(PAYLOAD / "interpreter.py", judge_interpreter, {}),
    "regression": Builtin(PAYLOAD / "regression.py", judge_regression, REGRESSION_PACKAGES),
}
