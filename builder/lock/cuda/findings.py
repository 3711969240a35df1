"""The checks on what is built for CUDA: CPU builds, two majors, another line than the declared one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.lock.cuda.builds import Build, Carried, builds, carried, conda_needed_by, needed_by
from builder.lock.cuda.fixes import cuda_build, other_line, told
from builder.lock.cuda.line import Line
from builder.lock.cuda.model import Finding
from builder.lock.model import EnvironmentLock
from builder.spec.model import LockCheck


def cuda_findings(environment: EnvironmentLock, declared: Line) -> Iterator[Finding]:
    """What is not of the declared line in one environment."""
    found, libraries = builds(environment), carried(environment)
    yield from (_cpu(one, declared, environment) for one in found if one.flavour == "cpu")
    several = len(_majors(found, libraries)) > 1
    for one in found:
        if one.line is not None and not one.line.runs_on(declared):
            check: LockCheck = "two-majors" if several and one.line.major != declared.major else "other-line"
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
            f"the CUDA libraries of {environment.name} are {one.line} ({one.package} {one.version}), newer than the "
            f"declared {declared}, and no package needs them so; `{pin}` keeps to the line"
        )


def _cpu(one: Build, declared: Line, environment: EnvironmentLock) -> Finding:
    return Finding(
        check="cpu-build",
        package=one.name,
        names=one.row.names,
        environment=environment.name,
        what=f"{told(one)} is a build for the CPU, and CUDA {declared} is declared",
        cause=f"{one.because}{_why_cpu(one, environment)}",
        fix=cuda_build(one, declared),
    )


def _why_cpu(one: Build, environment: EnvironmentLock) -> str:
    if one.origin == "pip":
        return _requirers(one, environment)
    asked = [line.removeprefix("conda ") for line in environment.inputs if line.startswith("conda ")]
    own = [line for line in asked if "cpu" in line and any(line.startswith(name) for name in one.row.conda)]
    if own:
        return f"; the environment asks for {own[0]}"
    if not any(line.startswith("virtual __cuda=") for line in environment.inputs):
        return "; it was solved without __cuda"
    return (
        "; the solver found no CUDA build that fits the rest (asked for one, it says what stands in the way)"
    )


def _requirers(one: Build, environment: EnvironmentLock) -> str:
    """Who brought a wheel; nothing where the environment asks for it itself."""
    requirers = needed_by(one.package, environment) if one.origin == "pip" else ()
    return f"; needed by {', '.join(requirers[:3])}" if requirers else ""


def _of_line(check: LockCheck, one: Build, declared: Line, environment: EnvironmentLock) -> Finding:
    newer = one.line is not None and one.line.major == declared.major
    limits = "; drivers of the declared line run it with features missing" if newer else ""
    return Finding(
        check=check,
        package=one.name,
        names=one.row.names,
        environment=environment.name,
        what=f"{told(one)} is built for CUDA {one.line}, and {_rest(check, declared)}",
        cause=f"{one.because}{_requirers(one, environment)}{limits}",
        fix=other_line(one, declared, declare=check == "other-line"),
    )


def _rest(check: LockCheck, declared: Line) -> str:
    return f"{declared} is declared" + (", which the rest is for" if check == "two-majors" else "")


def _libraries(
    found: Sequence[Build], libraries: Sequence[Carried], declared: Line, environment: EnvironmentLock
) -> Iterator[Finding]:
    """Libraries of another major that no accelerated package of the table accounts for."""
    accounted = {one.line.major for one in found if one.line is not None} | {declared.major}
    several = len(_majors(found, libraries)) > 1
    for major in sorted({one.line.major for one in libraries} - accounted):
        ours = [one for one in libraries if one.line.major == major]
        root = _root(ours, environment)
        names = ", ".join(f"{one.package} {one.version}" for one in ours[:3])
        yield Finding(
            check="two-majors" if several else "other-line",
            package=root or ours[0].package,
            names=frozenset(one.package for one in ours),
            environment=environment.name,
            what=f"CUDA {major} comes with {names} ({ours[0].origin}), and {declared} is declared",
            cause=f"needed by {root}" if root else "the environment asks for it",
            fix=f"take {root or ours[0].package} in a build for CUDA {declared.major}, or out of the environment",
        )


def _root(ours: Sequence[Carried], environment: EnvironmentLock) -> str:
    """What brings these libraries; empty where nothing in the set needs them."""
    names = {one.package for one in ours}
    for one in ours:
        needing = conda_needed_by if one.origin == "conda" else needed_by
        for name in needing(one.package, environment):
            if name not in names:
                return name
    return ""


def _majors(found: Sequence[Build], libraries: Sequence[Carried]) -> dict[int, list[str]]:
    """CUDA majors of a set, each with the packages that say so."""
    majors: dict[int, list[str]] = {}
    for package, line in [
        *((told(one), one.line) for one in found),
        *((one.package, one.line) for one in libraries),
    ]:
        if line is not None:
            majors.setdefault(line.major, []).append(package)
    return majors
