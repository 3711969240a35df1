"""Device code against GPUs: which files have something that runs there. The table of the audit."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from builder.audit.facts import FileFacts
from builder.audit.judge.compiled import compiler_rows
from builder.audit.judge.loaded import Environment
from builder.audit.judge.words import base, owner
from builder.audit.model import Fit, Row, Wanted
from builder.audit.tables import OptionalPart, cuda_name, table
from builder.gpu.drivers import Driver, driver, paired
from builder.gpu.tables import Gpu
from builder.gpu.target import Cover, Target, cover, is_unified, target

# A folder or file for each architecture, sm70/ beside sm_80/: the one that fits the GPU is loaded.
_ARCHITECTURE = re.compile(r"(?<![A-Za-z0-9])sm_?[0-9]{2,3}[af]?(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Unit:
    """What is judged as one: a file, its kin for other architectures, or all of a package's that are device code.

    part: the row that makes it an optional one. is_narrow: it holds only code for single GPUs (sm_90a, sm_100f), so
    that its package must have something else for all others.
    """

    package: str
    path: str
    code: tuple[str, ...]
    ptx: tuple[str, ...]
    part: OptionalPart | None

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Its entries as values."""
        return tuple(target(text) for text in (*self.code, *self.ptx))

    @property
    def is_narrow(self) -> bool:
        """See the class."""
        return all(one.only for one in self.targets)

    @property
    def is_nvidias(self) -> bool:
        """Whether it is a library of the CUDA toolkit, or one that stands beside it."""
        return cuda_name(posixpath.basename(self.path)) is not None


@dataclass(frozen=True)
class Package:
    """The units of one package. mains: those it cannot do without."""

    name: str
    units: tuple[Unit, ...]

    @property
    def is_split(self) -> bool:
        """Whether it has a file for each kind of GPU, so that one of them is enough."""
        return all(unit.is_narrow for unit in self.mains)

    @cached_property
    def mains(self) -> tuple[Unit, ...]:
        """Units that are no named part, and not made for single GPUs, unless there is nothing else."""
        whole = [unit for unit in self.units if unit.part is None]
        return tuple(unit for unit in whole if not unit.is_narrow) or tuple(whole)


def packages(environment: Environment) -> list[Package]:
    """What holds device code, by package."""
    units: dict[str, list[Unit]] = {}
    objects: dict[str, list[FileFacts]] = {}
    kin: dict[tuple[str, str], list[FileFacts]] = {}
    for one in environment.files:
        if not (one.code or one.ptx) or table().is_host_file(one.path):
            continue
        name = owner(one, environment.prefix)
        if one.machine == "cuda":
            objects.setdefault(name, []).append(one)
            continue
        kin.setdefault((name, _kin(one.path)), []).append(one)
    for (name, _), files in kin.items():
        units.setdefault(name, []).append(_unit(name, files[0].path, files))
    for name, files in objects.items():
        folder = posixpath.commonpath([posixpath.dirname(one.path) for one in files])
        units.setdefault(name, []).append(_unit(name, folder, files))
    return [Package(name, tuple(found)) for name, found in sorted(units.items())]


def _kin(path: str) -> str:
    """What files for several architectures have in common: the folder that theirs lie in, else their name."""
    folder, name = posixpath.split(path)
    found = list(_ARCHITECTURE.finditer(folder))
    return folder[: found[-1].start()] if found else f"{folder}/{_ARCHITECTURE.sub('sm*', name)}"


def _unit(name: str, path: str, files: Sequence[FileFacts]) -> Unit:
    code = {text for one in files for text in one.code}
    ptx = {text for one in files for text in one.ptx}
    return Unit(name, path, _sorted(code), _sorted(ptx), table().part(base(name), path))


def _sorted(targets: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(targets, key=lambda text: (target(text).capability, text)))


def covers(unit: Unit, gpu: Gpu, environment: Environment) -> Cover:
    """What a unit has for a GPU."""
    line = environment.line
    unified = line is not None and line.minor is not None and is_unified(str(line))
    return cover(unit.targets, gpu.capability, unified=unified)


def too_new(unit: Unit, environment: Environment, wanted: Wanted) -> Driver | None:
    """The driver that its PTX needs, where that is known and newer than the declared one."""
    line = environment.line_of(unit.path)
    least = paired(str(line)) if line else None
    if wanted.driver is None or least is None or driver(wanted.driver).reaches(least):
        return None
    return least


def fit(unit: Unit, package: Package, gpu: Gpu, environment: Environment, wanted: Wanted) -> Fit:
    """The cell of the table."""
    found = _usable(unit, gpu, environment, wanted)
    if found != "none":
        return found
    if unit in package.mains and not package.is_split:
        return "fails"
    enough = any if package.is_split and package.mains else all
    does = enough(_usable(main, gpu, environment, wanted) != "none" for main in package.mains)
    return "partly" if does else "fails"


def _usable(unit: Unit, gpu: Gpu, environment: Environment, wanted: Wanted) -> Cover:
    found = covers(unit, gpu, environment)
    return "none" if found == "jit" and too_new(unit, environment, wanted) else found


def rows(environment: Environment, wanted: Wanted) -> Iterator[Row]:
    """The table: every file with device code, then every package that compiles at run time."""
    for package in packages(environment):
        for unit in package.units:
            fits = {gpu.key: fit(unit, package, gpu, environment, wanted) for gpu in wanted.gpus}
            note = f"without it: no {unit.part.loses}" if unit.part and "partly" in fits.values() else ""
            yield Row(
                package=package.name, file=unit.path, code=unit.code, ptx=unit.ptx, fits=fits, note=note
            )
    yield from compiler_rows(environment, wanted)
