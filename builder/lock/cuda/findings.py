"""The checks on what is built for CUDA: CPU builds, two majors, another line than the declared one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.lock.cuda.builds import Build, Carried, builds, carried, needed_by
from builder.lock.cuda.line import Line
from builder.lock.cuda.model import Finding
from builder.lock.model import EnvironmentLock
from builder.spec.model import Check


def cuda_findings(environment: EnvironmentLock, declared: Line) -> Iterator[Finding]:
    """What is not of the declared line in one environment."""
    found, libraries = builds(environment), carried(environment)
    yield from (_cpu(one, declared, environment) for one in found if one.flavour == "cpu")
    several = len(_majors(found, libraries)) > 1
    for one in found:
        if one.line is not None and not one.line.runs_on(declared):
            check: Check = "two-majors" if several and one.line.major != declared.major else "other-line"
            yield _of_line(check, one, declared, environment)
    yield from _libraries(found, libraries, declared, environment)


def majors_note(environment: EnvironmentLock) -> Iterator[str]:
    """Two CUDA majors where none is declared: told, since nothing says that CUDA is used."""
    found, libraries = builds(environment), carried(environment)
    majors = _majors(found, libraries)
    if len(majors) > 1:
        lines = "; ".join(f"CUDA {major}: {', '.join(majors[major][:3])}" for major in sorted(majors))
        yield f"{environment.name} holds two CUDA majors ({lines})"


def floating_note(environment: EnvironmentLock, declared: Line) -> Iterator[str]:
    """Libraries newer than the declared line that no package asked for: drivers of the line run most of them."""
    newer = [
        one
        for one in carried(environment)
        if one.line.major == declared.major and not one.line.runs_on(declared)
    ]
    if newer and all(one.line is None or one.line.runs_on(declared) for one in builds(environment)):
        one = newer[0]
        pin = f"{one.package}={declared}" if one.origin == "conda" else f"{one.package}=={declared}.*"
        yield (
            f"{environment.name}: the CUDA libraries are {one.line} ({one.package} {one.version}), newer than the "
            f"declared {declared}, and no package needs them so; `{pin}` keeps to the line"
        )


def _cpu(one: Build, declared: Line, environment: EnvironmentLock) -> Finding:
    return Finding(
        check="cpu-build",
        package=one.name,
        names=one.row.names,
        environment=environment.name,
        what=f"{_told(one)} is a build for the CPU, and CUDA {declared} is declared",
        cause=f"{one.because}{_why_cpu(one, environment)}",
        fix=_from(one, declared),
    )


def _why_cpu(one: Build, environment: EnvironmentLock) -> str:
    if one.origin == "pip":
        requirers = needed_by(one.package, environment)
        return f"; needed by {', '.join(requirers[:3])}" if requirers else ""
    asked = [line.removeprefix("conda ") for line in environment.inputs if line.startswith("conda ")]
    own = [line for line in asked if "cpu" in line and any(line.startswith(name) for name in one.row.conda)]
    if own:
        return f"; the environment asks for {own[0]}"
    if not any(line.startswith("virtual __cuda=") for line in environment.inputs):
        return "; it was solved without __cuda"
    return "; no CUDA build in the channels fits the rest of the environment"


def _of_line(check: Check, one: Build, declared: Line, environment: EnvironmentLock) -> Finding:
    newer = one.line is not None and one.line.major == declared.major
    limits = "; drivers of the declared line run it with features missing" if newer else ""
    return Finding(
        check=check,
        package=one.name,
        names=one.row.names,
        environment=environment.name,
        what=f"{_told(one)} is built for CUDA {one.line}, and {_rest(check, declared)}",
        cause=f"{one.because}{limits}",
        fix=f'declare cuda: "{one.line}", or {_from(one, declared)}'
        if _declarable(check, one)
        else _from(one, declared),
    )


def _declarable(check: Check, one: Build) -> bool:
    return check == "other-line" and one.line is not None and one.line.minor is not None


def _rest(check: Check, declared: Line) -> str:
    return f"{declared} is declared" + (", which the rest is for" if check == "two-majors" else "")


def _libraries(
    found: Sequence[Build], libraries: Sequence[Carried], declared: Line, environment: EnvironmentLock
) -> Iterator[Finding]:
    """Libraries of another major that no accelerated package of the table accounts for."""
    accounted = {one.line.major for one in found if one.line is not None} | {declared.major}
    for major in sorted({one.line.major for one in libraries} - accounted):
        ours = [one for one in libraries if one.line.major == major]
        several = len(_majors(found, libraries)) > 1
        first = ours[0]
        requirers = [name for one in ours for name in needed_by(one.package, environment)]
        root = next((name for name in requirers if name not in {one.package for one in ours}), first.package)
        names = ", ".join(f"{one.package} {one.version}" for one in ours[:3])
        yield Finding(
            check="two-majors" if several else "other-line",
            package=root,
            names=frozenset(one.package for one in ours),
            environment=environment.name,
            what=f"CUDA {major} comes with {names} ({first.origin}), and {declared} is declared",
            cause=f"needed by {root}"
            if root != first.package
            else "asked for by the environment or by conda packages",
            fix=f"take the packages for CUDA {declared.major} instead, all of one origin",
        )


def _majors(found: Sequence[Build], libraries: Sequence[Carried]) -> dict[int, list[str]]:
    """CUDA majors of a set, each with the packages that say so."""
    majors: dict[int, list[str]] = {}
    for package, line in [
        *((_told(one), one.line) for one in found),
        *((one.package, one.line) for one in libraries),
    ]:
        if line is not None:
            majors.setdefault(line.major, []).append(package)
    return majors


def _told(one: Build) -> str:
    return f"{one.package} {one.version} ({one.origin})"


def _from(one: Build, declared: Line) -> str:
    """Where a CUDA build of the declared line is to be had."""
    text = one.row.from_conda if one.origin == "conda" else one.row.from_pip
    version = one.version.partition("+")[0]
    return text.format(line=declared, major=declared.major, tag=declared.tag, version=version)
