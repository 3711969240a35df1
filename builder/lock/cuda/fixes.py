"""What to do about a build that is not as declared, in words that hold for this package."""

from __future__ import annotations

from builder.lock.cuda.builds import Build
from builder.lock.cuda.line import Line, of_version
from builder.lock.cuda.table import Row

_MOST_SHOWN = 3  # versions


def told(one: Build) -> str:
    """`torch 2.9.1 (pip)`."""
    return f"{one.package} {one.version} ({one.origin})"


def cuda_build(one: Build, declared: Line) -> str:
    """Where a CUDA build in place of one for the CPU is to be had."""
    if one.origin == "conda":
        return one.row.from_conda.format(line=declared)
    return _from_pip(one, declared)


def other_line(one: Build, declared: Line, *, declare: bool) -> str:
    """Where a build of the declared line is to be had; declare: whether another declaration would do as well."""
    own = (
        f"add `cuda-version={declared}` to dependencies:, so that the solver takes builds of that line"
        if one.origin == "conda"
        else _from_pip(one, declared)
    )
    exact = one.line is not None and one.line.minor is not None
    return f'declare cuda: "{one.line}", or {own}' if declare and exact else own


def _from_pip(one: Build, declared: Line) -> str:
    version = one.version.partition("+")[0]
    fitting = _fitting(one.row, ".".join(version.split(".")[:2]), declared)
    if fitting is None:  # nobody read what this version was made for
        own = _index(one, version, declared, declared)
        return f"{own}, or {_older(one, declared)}" if one.row.made_for else own
    return _index(one, version, max(fitting), declared) if fitting else _older(one, declared)


def _index(one: Build, version: str, line: Line, declared: Line) -> str:
    return one.row.from_pip.format(line=line, major=declared.major, tag=line.tag, version=version)


def _fitting(row: Row, version: str, declared: Line) -> list[Line] | None:
    """The lines of a version that the declared one runs; None where it is not known."""
    if version not in row.made_for:
        return None
    lines = [of_version(text) for text in row.made_for[version]]
    return [line for line in lines if line is not None and line.runs_on(declared)]


def _older(one: Build, declared: Line) -> str:
    having = [version for version in one.row.made_for if _fitting(one.row, version, declared)]
    if not having:
        return f"declare another line: no version of {one.name} is known to be made for CUDA {declared}"
    versions = ", ".join(having[:_MOST_SHOWN])
    return f"ask for a version that is made for CUDA {declared}, such as {one.name} {versions}"
