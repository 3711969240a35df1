"""What each accelerated package of an environment is: a CUDA build, of which line, or one for the CPU."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.lock.cuda.line import Line, floor, of_build, of_local, of_name, of_version, says_cpu
from builder.lock.cuda.table import Carriers, Row, WheelKind, table
from builder.lock.model import CondaPackage, EnvironmentLock, PipPackage

Origin: TypeAlias = Literal["conda", "pip"]
Flavour: TypeAlias = Literal["cuda", "cpu", "unknown"]

_PINS = ("cuda-version", "pytorch-cuda", "cudatoolkit")  # dependencies that say the line, the surest first
_SIGNS = frozenset({"__cuda", *_PINS, "cuda-cudart", "libcublas", "cudnn"})

_BY_KIND: Mapping[WheelKind, tuple[Flavour, str]] = {
    "cpu": ("cpu", "its wheels hold no CUDA build"),
    "plugin": ("cpu", "its wheels hold no CUDA build, and no CUDA plugin is there"),
    "cuda": ("cuda", "its wheels are CUDA builds"),
    "follows": ("unknown", "nothing of it says so"),
    "several": ("unknown", "it holds builds for several lines"),
}


@dataclass(frozen=True, slots=True)
class Build:
    """One accelerated package. name: the table's; package and version: of the file that tells.

    line: of a CUDA build, None where nothing says it. because: what it was told by.
    """

    name: str
    row: Row
    origin: Origin
    package: str
    version: str
    flavour: Flavour
    line: Line | None
    because: str


@dataclass(frozen=True, slots=True)
class Carried:
    """A package whose version or name says a toolkit's line."""

    package: str
    version: str
    origin: Origin
    line: Line


def builds(environment: EnvironmentLock) -> tuple[Build, ...]:
    """Every accelerated package of one environment, in the table's order."""
    wheels = {wheel.name: wheel for wheel in environment.pip}
    names = {package.name for package in environment.conda} | wheels.keys()
    found: list[Build] = []
    for name, row in table().packages.items():
        plugged = any(plugin in names for plugin in row.plugins)
        found += _conda(name, row, environment.conda, plugged=plugged)
        for wheel in (wheels[one] for one in row.wheels if one in wheels):
            if not (plugged and row.wheels[wheel.name] == "plugin"):  # then the plugin itself tells
                found.append(_wheel(name, row, wheel, environment.pip))
    return tuple(found)


def carried(environment: EnvironmentLock) -> tuple[Carried, ...]:
    """The toolkit's own packages, and every package that says a CUDA major in its name."""
    origins = table().carriers
    sides: list[tuple[Origin, Carriers, Sequence[CondaPackage | PipPackage]]] = [
        ("conda", origins.conda, environment.conda),
        ("pip", origins.wheels, environment.pip),
    ]
    return tuple(
        Carried(one.name, one.version, origin, line)
        for origin, carriers, packages in sides
        for one in packages
        if (line := _toolkit(one.name, one.version, carriers))
    )


def needs(wheel: PipPackage) -> tuple[tuple[str, str], ...]:
    """Name and version of what a wheel needs of the set."""
    pairs = (line.partition("==") for line in wheel.depends)
    return tuple((canonicalize_name(name), version) for name, _, version in pairs)


def _needs_of_set(wheel: PipPackage, wheels: Collection[PipPackage]) -> tuple[tuple[str, str], ...]:
    """The same; everything in the set where a lock of old records no needs at all."""
    if any(one.depends for one in wheels):
        return needs(wheel)
    return tuple((one.name, one.version) for one in wheels if one.name != wheel.name)


def conda_needed_by(package: str, environment: EnvironmentLock) -> tuple[str, ...]:
    """The conda packages that depend on another."""
    return tuple(
        one.name
        for one in environment.conda
        if any(line.strip().partition(" ")[0] == package for line in one.depends)
    )


def needed_by(package: str, environment: EnvironmentLock) -> tuple[str, ...]:
    """The wheels that need a distribution."""
    return tuple(wheel.name for wheel in environment.pip if any(name == package for name, _ in needs(wheel)))


def _toolkit(name: str, version: str, carriers: Carriers) -> Line | None:
    line = of_version(version)
    if line is not None and name in carriers.own:
        return line
    return line.whole if line is not None and name in carriers.major else _named(name)


def _named(name: str) -> Line | None:
    """The major that a library's wheel says by its name: `nvidia-cublas-cu12`."""
    return of_name(name) if name.rpartition("-")[0] in table().carriers.named else None


def _conda(name: str, row: Row, packages: Sequence[CondaPackage], *, plugged: bool) -> Iterator[Build]:
    """One for all conda packages of a row: they are made together, and some say more than others."""
    ours = sorted(
        (one for one in packages if one.name in row.conda), key=lambda one: row.conda.index(one.name)
    )
    if not ours:
        return
    told = [(one, *found) for one in ours if (found := _conda_flavour(one))]
    unmarked = (ours[0], row.unmarked, "neither its build nor what it depends on names CUDA")
    package, flavour, because = told[0] if told else unmarked
    if flavour == "cpu" and plugged:
        return
    lines = [line for one in ours if (line := _conda_line(one))] if flavour == "cuda" else []
    line = lines[0] if lines else None
    yield Build(name, row, "conda", package.name, package.version, flavour, _counting(line, row), because)


def _conda_flavour(package: CondaPackage) -> tuple[Flavour, str] | None:
    if says_cpu(package.build):
        return "cpu", f"its build is {package.build}"
    if "cuda" in package.build or of_build(package.build):
        return "cuda", f"its build is {package.build}"
    signs = [line for line in package.depends if _is_sign(line)]
    return ("cuda", f"it depends on {signs[0]}") if signs else None


def _is_sign(requirement: str) -> bool:
    name = requirement.strip().partition(" ")[0]
    return name in _SIGNS or _is_library(name)


def _conda_line(package: CondaPackage) -> Line | None:
    """What its maintainers say it needs, before what its build string says it was made with."""
    floors = {line.strip().partition(" ")[0]: floor(line.strip()) for line in package.depends}
    pinned = [line for name in _PINS if (line := floors.get(name))]
    own = [
        line for name in table().carriers.wheels.own if (line := floors.get(name))
    ]  # a wheel that became one
    named = [line for name in floors if (line := _named(name))]
    for line in (*pinned, of_build(package.build), floors.get("cuda-cudart"), *own, *named):
        if line is not None:
            return line
    return None


def _wheel(name: str, row: Row, wheel: PipPackage, wheels: Collection[PipPackage]) -> Build:
    flavour, because = _wheel_flavour(row, wheel, wheels)
    line = _wheel_line(wheel, wheels) if flavour == "cuda" else None
    return Build(name, row, "pip", wheel.name, wheel.version, flavour, _counting(line, row), because)


def _wheel_flavour(row: Row, wheel: PipPackage, wheels: Collection[PipPackage]) -> tuple[Flavour, str]:
    if "cpu" in wheel.version.partition("+")[2].split("."):
        return "cpu", f"its version is {wheel.version}"
    if of_local(wheel.version):
        return "cuda", f"its version is {wheel.version}"
    kind = row.wheels[wheel.name]
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    needed = [(name, version) for name, version in _needs_of_set(wheel, wheels) if _is_library(name)]
    needed += [(one.name, one.version) for one in wheels if one.name in row.finds] if kind == "finds" else []
    if not needed and _older(wheel.version, row.since):
        return "unknown", f"wheels before {row.since} do not tell"
    if not needed:
        return "cpu", "this wheel needs no CUDA library"
    telling = table().carriers.wheels.own
    name, version = next((one for one in needed if one[0] in telling), needed[0])
    return "cuda", f"it needs {name} {version}"


def _older(version: str, since: str) -> bool:
    try:
        return Version(version) < Version(since)
    except InvalidVersion:
        return False


def _is_library(name: str) -> bool:
    carriers = table().carriers.wheels
    return (
        name in carriers.own or name in carriers.major or bool(name.startswith("nvidia-") and of_name(name))
    )


def _wheel_line(wheel: PipPackage, wheels: Collection[PipPackage]) -> Line | None:
    carriers, needed = table().carriers.wheels, _needs_of_set(wheel, wheels)
    pinned = [of_version(version) for name, version in needed if name in carriers.own]
    named = [_named(name) for name, _ in needed]
    for line in (of_local(wheel.version), of_name(wheel.name), *pinned, *named):
        if line is not None:
            return line
    return None


def _counting(line: Line | None, row: Row) -> Line | None:
    """The part of a line that counts for this package."""
    return line.whole if line is not None and row.line == "major" else line
