"""What device code is compiled for, and on which GPUs it runs.

A target is written as CUDA's tools write it: `sm_86` is machine code, `compute_86` is PTX. A letter behind the number
narrows or widens where it runs: `sm_90a` on 9.0 alone, `sm_100f` on its family (10.0, 10.3, 10.7). Sources: NVIDIA's
CUDA C++ programming guide (binary compatibility, family-specific and architecture-specific features); the blog post
"NVIDIA Blackwell and NVIDIA CUDA 12.9 introduce family-specific architecture features"; for PTX, which targets ptxas
12.9 and 13.5 compile for which architecture (tried in November 2026: `sm_100f` for 100, 103 and 107 and not for 110 or
120, `sm_90a` for 90a alone, `sm_101` for 103 and newer); for Jetson, DEVICE_REQUIREMENT of torch 2.15's
torch/cuda/__init__.py.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

Cover: TypeAlias = Literal["runs", "jit", "none"]
UNIFIED = (13, 2)
"""From this line on, code for other GPUs runs on Jetson's as well (same source: SBSA unification)."""
_WRITTEN = re.compile(r"(sm|compute)_([0-9]{2,3})([af]?)")


class Capability(NamedTuple):
    """A GPU's compute capability: 8.9 is (8, 9)."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


JETSON = frozenset({Capability(5, 3), Capability(6, 2), Capability(7, 2), Capability(8, 7)})
"""Capabilities of GPUs inside a Jetson: machine code is not exchanged with other GPUs of their major."""
RENAMED = {Capability(10, 1): Capability(11, 0)}
"""Thor was 10.1 for CUDA 12.8 and 12.9, and is 11.0 since 13.0."""


class Target(NamedTuple):
    """One entry of a fat binary. ptx: it is compiled on the machine it runs on. only: `a`, `f` or nothing."""

    capability: Capability
    ptx: bool = False
    only: str = ""

    def __str__(self) -> str:
        kind = "compute" if self.ptx else "sm"
        return f"{kind}_{self.capability.major}{self.capability.minor}{self.only}"

    def runs_on(self, gpu: Capability, *, unified: bool = False) -> bool:
        """Whether code of this entry can be used there, compiled already or not.

        unified: the code comes from CUDA 13.2 or newer (see UNIFIED), which matters for Jetson alone.
        """
        mine = RENAMED.get(self.capability, self.capability)
        gpu = RENAMED.get(gpu, gpu)
        if self.only == "a":
            return gpu == mine
        if self.only == "f":
            return gpu.major == mine.major and gpu.minor >= mine.minor
        if self.ptx:
            return gpu >= self.capability
        if mine in JETSON or (gpu in JETSON and not unified):
            return gpu == mine
        return gpu.major == mine.major and gpu.minor >= mine.minor


def capability(text: str) -> Capability:
    """`8.9` and `12.0`. Raises ValueError for anything else."""
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        raise ValueError(f"{text!r} is no compute capability")
    return Capability(int(major), int(minor))


def target(text: str) -> Target:
    """`sm_90a`, `compute_120`. Raises ValueError for anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no target of device code")
    return Target(Capability(int(found[2][:-1]), int(found[2][-1])), found[1] == "compute", found[3])


def cover(targets: tuple[Target, ...], gpu: Capability, *, unified: bool = False) -> Cover:
    """The best of several entries for a GPU: machine code that runs, PTX that can be compiled, or none."""
    fitting = [one for one in targets if one.runs_on(gpu, unified=unified)]
    if any(not one.ptx for one in fitting):
        return "runs"
    return "jit" if fitting else "none"


def is_unified(cuda: str) -> bool:
    """Whether a CUDA line, `13.2`, is one of those for which code of other GPUs runs on Jetson's."""
    line = capability(cuda)
    return (line.major, line.minor) >= UNIFIED
