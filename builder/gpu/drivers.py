"""Which driver serves which CUDA line and which GPU.

Sources: docs.nvidia.com/deploy/cuda-compatibility (backward and minor-version compatibility), the release notes of CUDA
for the numbers (toolkits.yml), and for the last branches NVIDIA's Unix graphics feature deprecation schedule,
forums.developer.nvidia.com/t/60588: release 580 is the last one for Maxwell, Pascal and Volta, 470 for Kepler.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from builder.errors import UsageError
from builder.gpu.tables import Gpu, Toolkit, toolkits

Service: TypeAlias = Literal["yes", "minor", "no"]
LAST_BRANCH = {"Kepler": 470, "Maxwell": 580, "Pascal": 580, "Volta": 580}
_WRITTEN = re.compile(r"([1-9][0-9]{2})(?:\.([0-9]{1,3}))?(?:\.([0-9]{1,3}))?")


class Driver(NamedTuple):
    """A driver's version. What was not said is None: `535` means the branch, whichever of its releases."""

    branch: int
    minor: int | None = None
    patch: int | None = None

    def __str__(self) -> str:
        """As NVIDIA writes it: 535.54.03, 570.26."""
        return ".".join([str(self.branch), *(f"{part:02}" for part in self[1:] if part is not None)])

    def reaches(self, least: Driver) -> bool:
        """Whether it is that version or a newer one. Parts that one of the two leaves open are taken to fit."""
        for mine, other in zip(self, least, strict=True):
            if mine is None or other is None:
                return True
            if mine != other:
                return mine > other
        return True


def driver(text: str) -> Driver:
    """`535`, `535.183.01`. Raises UsageError for anything else."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a driver version", fix='write it as "580" or "525.60.13"')
    branch, *rest = (None if part is None else int(part) for part in found.groups())
    return Driver(branch or 0, *rest)


def floor(line: str) -> Driver:
    """The lowest driver for a CUDA line by minor-version compatibility. Raises UsageError for an unknown major."""
    return driver(_row(line).floor)


def paired(line: str) -> Driver | None:
    """The driver that was released with a line; None where the line is newer than the table."""
    row = toolkits().get(line)
    return None if row is None else driver(row.driver)


def serves(have: Driver, line: str) -> Service:
    """Whether programs of a CUDA line run with a driver.

    `yes`: all of it. `minor`: by minor-version compatibility, so PTX of that line is not compiled, and features of
    newer drivers are missing. `no`: it is below the floor. Raises UsageError for an unknown major.
    """
    if not have.reaches(floor(line)):
        return "no"
    full = paired(line)
    return "yes" if full is not None and have.reaches(full) else "minor"


def newest_line(have: Driver) -> str | None:
    """The newest CUDA line that a driver serves fully; None for a driver older than all of them."""
    served = [line for line in toolkits() if have.reaches(driver(toolkits()[line].driver))]
    return served[-1] if served else None


def last_branch(gpu: Gpu) -> int | None:
    """The last driver branch for a GPU; None while the newest one drives it."""
    return LAST_BRANCH.get(gpu.architecture)


def drives(have: Driver, gpu: Gpu) -> bool:
    """Whether a driver is not too new for a GPU. Too old ones are seen by the CUDA line."""
    last = last_branch(gpu)
    return last is None or have.branch <= last


def _row(line: str) -> Toolkit:
    """The row of a line, or of the newest known one of its major."""
    known = toolkits()
    if line in known:
        return known[line]
    same = [row for name, row in known.items() if _major(name) == _major(line)]
    if not same:
        majors = ", ".join(dict.fromkeys(_major(name) for name in known))
        raise UsageError(f"CUDA {line} is not known", fix=f"known are lines of CUDA {majors}")
    return same[-1]


def _major(line: str) -> str:
    return line.partition(".")[0]
