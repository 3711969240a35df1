"""CUDA lines (`12.6`) as they are written in versions, build strings, requirements and names."""

from __future__ import annotations

import re
from typing import NamedTuple

_BUILD = re.compile(r"(?:cuda_?|(?:^|_)cu)([0-9]{2,4})(?:\.([0-9]{1,2}))?(?![0-9])")
_CPU = re.compile(r"(?:^|_)cpu(?:_|$|py|h)")
_LOCAL = re.compile(r"\+(?:[a-z0-9]+\.)*cu(?:da)?([0-9]{2,4})")
_NAME = re.compile(r"-cu(?:da)?([0-9]{2})x?(?:-|$)")
_CLAUSE = re.compile(r"(?:[=~]=?|>=|>)?\s*([0-9]{1,2})(?:\.([0-9]{1,2}))?")


class Line(NamedTuple):
    """A CUDA release without its patch. minor is None where only the major is known, or counts."""

    major: int
    minor: int | None = None

    def __str__(self) -> str:
        return str(self.major) if self.minor is None else f"{self.major}.{self.minor}"

    @property
    def tag(self) -> str:
        """As wheels and indexes spell it: `cu126`."""
        return f"cu{self.major}{'' if self.minor is None else self.minor}"

    @property
    def whole(self) -> Line:
        """The major alone."""
        return Line(self.major)

    def runs_on(self, declared: Line) -> bool:
        """Whether what is built for this line is of the declared one: same major, no newer minor.

        A driver of 12.9 runs everything of 12.x up to there. One of 12.6 runs what was built for 12.9 only with
        features missing (minor-version compatibility), which is not what was declared.
        """
        if self.major != declared.major:
            return False
        return self.minor is None or declared.minor is None or self.minor <= declared.minor


def of_version(text: str) -> Line | None:
    """`12.8.90` is 12.8; None for what is no version."""
    found = re.match(r"([0-9]{1,2})(?:\.([0-9]{1,2}))?(?![0-9])", text)
    return _line(*found.groups()) if found else None


def of_build(build: str) -> Line | None:
    """Of `cuda126_mkl_py312_h...`, `py3.12_cuda12.4_cudnn9.1.0_0`, `py312_cu121`; None where it names no line."""
    found = _BUILD.search(build)
    if found is None:
        return None
    return _line(*found.groups()) if found[2] is not None else _digits(found[1])


def says_cpu(build: str) -> bool:
    """`cpu_generic_py312_h...`, `py312h..._0_cpu`."""
    return _CPU.search(build) is not None


def of_local(version: str) -> Line | None:
    """`2.9.1+cu128` is 12.8, `0.4.20+cuda12.cudnn89` is 12."""
    found = _LOCAL.search(version)
    return _digits(found[1]) if found else None


def of_name(name: str) -> Line | None:
    """`nvidia-cublas-cu12`, `jax-cuda12-plugin` and `cupy-cuda12x` say 12."""
    found = _NAME.search(name)
    return Line(int(found[1])) if found else None


def floor(requirement: str) -> Line | None:
    """The lowest line a conda dependency takes: `cuda-version >=12.6,<13` is 12.6; None where it has none."""
    for clause in requirement.partition(" ")[2].partition(" ")[0].split(","):
        if found := _CLAUSE.match(clause):
            return _line(*found.groups())
    return None


def _line(major: str, minor: str | None) -> Line:
    return Line(int(major), None if minor is None else int(minor))


def _digits(text: str) -> Line:
    """`126` is 12.6, `12` is 12."""
    return Line(int(text[:2]), int(text[2:]) if len(text) > 2 else None)
