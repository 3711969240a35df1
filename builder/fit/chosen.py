"""What an image brings for CUDA: the torch that was chosen, its CUDA line, its Python.

From a lock it is known; from a definition alone as far as its pins reach. Where several builds may be taken, all of
them are told, and only what holds for each of them is held against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from builder.fit.model import Chosen
from builder.gpu.tables import TorchBuild, torch_builds
from builder.lock.cuda.builds import Build, Carried, builds, carried
from builder.lock.cuda.line import Line, of_local, of_name, of_version
from builder.lock.cuda.table import table
from builder.lock.model import EnvironmentLock, LockSet
from builder.spec.model import CondaEnvironment, ImageSpec, Platform
from builder.spec.piplines import pip_name
from builder.spec.requirements import conda_name

_PINNED = re.compile(r"(?:cuda-version|pytorch-cuda|cudatoolkit)\s*={1,2}\s*([0-9]+(?:\.[0-9]+)?)")
_PYTHON = re.compile(r"python\s*={1,2}\s*([23]\.[0-9]+)(?:\.[0-9*]+)*")
_EMPTY = "cuda-version"  # a package without files, which holds others to a line
_TOMORROW = "9999"  # a version that no release has: what it satisfies has no upper end


def chosen(
    spec: ImageSpec, lock: LockSet | None, platform: Platform, *, any_build: bool = False
) -> tuple[Chosen, ...]:
    """What each environment brings, and last what image.yml declares, where it does.

    Without a lock it is read from the definition: pins of torch, Python and of a CUDA line. any_build: wheels come from
    an index that was named, so that any build of a release may be taken, and not the usual index's alone.
    """
    declared = of_version(spec.cuda) if spec.cuda else None
    last = (Chosen(lines=(declared,), because=f'image.yml declares cuda: "{declared}"'),) if declared else ()
    if lock is not None:
        return (*(_locked(one, lock.platform) for one in lock.environments), *last)
    return (*(_asked(one, declared, platform, any_build) for one in spec.environments), *last)


def _locked(environment: EnvironmentLock, platform: Platform) -> Chosen:
    found = [one for one in builds(environment) if one.flavour == "cuda"]
    libraries = [one for one in carried(environment) if one.package != _EMPTY]
    plain = Chosen(
        environment=environment.name,
        python=".".join(environment.python.split(".")[:2]),
        ships=f"{libraries[0].package} {libraries[0].version} ({libraries[0].origin})" if libraries else "",
    )
    torch = next((one for one in found if one.name == "torch"), None)
    if torch is not None:
        return plain.model_copy(update=_torch(torch, platform))
    told: list[Build | Carried] = [*found, *libraries]
    lines = [one.line for one in told if one.line is not None]
    if not lines:
        return plain
    named = ", ".join(f"{one.package} {one.version}" for one in told[:2])
    return plain.model_copy(update={"lines": (max(lines, key=_order),), "because": f"the lock holds {named}"})


def _torch(one: Build, platform: Platform) -> dict[str, object]:
    wheel = one.origin == "pip"
    version = one.version.partition("+")[0]
    rows = [row for row in _rows(platform) if wheel and row.version == version and _is_of(row, one.line)]
    return {
        "lines": _lines(rows) if rows else (one.line,) if one.line else (),
        "torch": f"{one.package} {one.version}",
        "rows": tuple(rows),
        "wheel": wheel,
        "because": f"the lock holds {one.package} {one.version} ({one.origin}): {one.because}",
    }


def _is_of(row: TorchBuild, line: Line | None) -> bool:
    """Whether a build is of a line; where only the major or nothing is known, the one of the package index counts."""
    of = of_version(row.cuda)
    if line is not None and line.minor is not None:
        return of == line
    return row.index == "pypi" and (line is None or of is None or of.major == line.major)


def _asked(
    environment: CondaEnvironment, declared: Line | None, platform: Platform, any_build: bool
) -> Chosen:
    plain = Chosen(environment=environment.name, python=_python(environment), ships=_ships(environment))
    pip = next((line for line in environment.pip if pip_name(line) == "torch"), "")
    if pip:
        return plain.model_copy(update=_wheel(pip, declared, platform, any_build))
    conda = table().packages["torch"].conda
    torch = next((line for line in environment.conda if conda_name(line) in conda), "")
    pins = [pin for line in environment.conda if (pin := _PINNED.fullmatch(line.strip()))]
    lines = tuple(line for pin in pins if (line := of_version(pin[1])))
    because = f"environment.yml asks for {pins[0][0]}" if pins else ""
    return plain.model_copy(update={"torch": torch, "lines": lines[:1], "because": because})


def _wheel(line: str, declared: Line | None, platform: Platform, any_build: bool) -> dict[str, object]:
    """Of a requirement of torch: the builds that may be taken for it."""
    asked = Requirement(line)
    rows = () if asked.marker else _fitting(asked.specifier, declared, platform, any_build)
    return {
        "torch": f"torch{asked.specifier}",
        "rows": rows,
        "lines": _lines(rows),
        "wheel": True,
        "because": f"environment.yml asks for {line}",
    }


def _fitting(
    specifier: SpecifierSet, declared: Line | None, platform: Platform, any_build: bool
) -> tuple[TorchBuild, ...]:
    """The builds that satisfy it; none where it is open to releases that the tables cannot know.

    Of a release, the build of the declared line counts where there is one (its index is then asked), else the one that
    the package index has. `+cu126` behind the version says the line itself.
    """
    if specifier.contains(_TOMORROW):
        return ()
    local = of_local(str(specifier))
    bare = SpecifierSet(re.sub(r"\+[a-z0-9.]+", "", str(specifier)))
    known = [row for row in _rows(platform) if bare.contains(row.version)]
    if local is not None:
        return tuple(row for row in known if of_version(row.cuda) == local)
    if "+" in str(specifier):
        return ()
    versions = dict.fromkeys(row.version for row in known)
    return tuple(
        row
        for version in versions
        for row in _taken([row for row in known if row.version == version], declared, any_build)
    )


def _taken(rows: list[TorchBuild], declared: Line | None, any_build: bool) -> list[TorchBuild]:
    of_line = [row for row in rows if declared is not None and of_version(row.cuda) == declared]
    if any_build:
        return of_line or rows
    return (of_line or [row for row in rows if row.index == "pypi"])[:1]


def _ships(environment: CondaEnvironment) -> str:
    """The first requirement that brings CUDA's own libraries."""
    carriers = table().carriers
    conda, wheels = (frozenset((*one.own, *one.major)) for one in (carriers.conda, carriers.wheels))
    from_conda = (line for line in environment.conda if conda_name(line) in conda - {_EMPTY})
    from_pip = (line for line in environment.pip if _brings(pip_name(line), wheels) and "+cpu" not in line)
    return next(iter((*from_conda, *from_pip)), "")


def _brings(name: str, carriers: frozenset[str]) -> bool:
    return name in carriers or name == "torch" or (name.startswith("nvidia-") and of_name(name) is not None)


def _python(environment: CondaEnvironment) -> str:
    found = [pin[1] for line in environment.conda if (pin := _PYTHON.fullmatch(line.strip()))]
    return found[0] if found else ""


def _rows(platform: Platform) -> Iterator[TorchBuild]:
    return (row for row in torch_builds() if row.platform == platform)


def _lines(rows: Iterable[TorchBuild]) -> tuple[Line, ...]:
    return tuple(dict.fromkeys(line for row in rows if (line := of_version(row.cuda))))


def _order(line: Line) -> tuple[int, int]:
    return line.major, -1 if line.minor is None else line.minor
