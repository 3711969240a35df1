"""Running a command and taking its time and its memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """seconds: of the wall. memory: largest resident set of the process itself, in bytes."""

    seconds: float
    memory: int
    out: str


def measured(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Measured:
    """Run a command to its end. Raises SystemExit with what it said when it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            raise SystemExit(
                f"error: {' '.join(argv[:4])} ended with {child.returncode}: {err.read().decode()}"
            )
        return Measured(seconds, usage.ru_maxrss * 1024, out.read().decode())
