"""CUDA lines, as a lock or a definition names them, against GPUs and drivers."""

from __future__ import annotations

from typing import Literal, TypeAlias

from builder.errors import UsageError
from builder.gpu.drivers import Driver, floor
from builder.gpu.tables import Gpu, toolkits
from builder.gpu.target import Target, cover, is_unified
from builder.lock.cuda.line import Line, of_version

Reach: TypeAlias = Literal["compiles", "past", "early", "unknown"]


def reach(line: Line, gpu: Gpu) -> Reach:
    """Whether the compiler of a line makes machine code that runs on a GPU.

    `past`: no longer, so nothing of that line runs there, PTX neither. `early`: not yet, so that only PTX can run
    there. `unknown`: the line is newer than the table, or only its major is known.
    """
    last = of_version(gpu.last_cuda) if gpu.last_cuda else None
    if last is not None and _after(line, last):
        return "past"
    row = toolkits().get(str(line))
    if row is None:
        return "unknown"
    made = tuple(Target(capability) for capability in row.capabilities)
    return "compiles" if cover(made, gpu.capability, unified=is_unified(str(line))) == "runs" else "early"


def lowest(line: Line) -> Driver | None:
    """The lowest driver for a line; None where its major is newer than the table."""
    try:
        return floor(str(line))
    except UsageError:  # a line of tomorrow is nobody's fault
        return None


def known_lines() -> tuple[Line, ...]:
    """The lines of the table, oldest first."""
    return tuple(line for name in toolkits() if (line := of_version(name)))


def _after(line: Line, last: Line) -> bool:
    if line.minor is None or last.minor is None:
        return line.major > last.major
    return (line.major, line.minor) > (last.major, last.minor)
