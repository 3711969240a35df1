"""From the parts of a lineage, the oldest first, to one image; `extends` and variants are the same merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builder.errors import UsageError
from builder.problems import Problem
from builder.spec.bases import DEFAULT_BASE
from builder.spec.document import Keys
from builder.spec.environment import EnvironmentRead, for_platforms, merge_environments, terms_problems
from builder.spec.model import (
    DEFAULT_PLATFORMS,
    Allowance,
    Base,
    ImageSpec,
    Installer,
    LicencePolicy,
    Platform,
    SmokeTest,
    Targets,
)
from builder.spec.parts import Part
from builder.spec.piplines import pip_name
from builder.spec.requirements import wheel_name

_ADDED = ("apt", "files")
_MAPS = ("env", "labels", "snippets", "targets", "licences")
_OWN = ("summary",)  # said of one image, so not inherited


def merge_parts(
    name: str, variant: str | None, parts: list[Part], bases: dict[str, Base]
) -> tuple[ImageSpec | None, list[Problem]]:
    """One image, and what is wrong with it as a whole; None where it cannot be made.

    parts: of the oldest ancestor first, of the image itself, and last of its variant.
    """
    values = _values(name, parts)
    main = _chain([(part.owner, part.main) for part in parts])
    names = list(dict.fromkeys(key for part in parts for key in part.further))
    further = {key: _chain([(part.owner, part.further.get(key)) for part in parts]) for key in names}
    values.setdefault("base", bases.get(DEFAULT_BASE))
    if not main or values["base"] is None:
        return None, []
    if "installer" not in values:
        values["installer"] = _default_installer()
    problems: list[Problem] = []
    for reads in (main, *further.values()):
        problems += _on_platforms(reads, values.get("platforms", DEFAULT_PLATFORMS))
    environments = tuple(merge_environments(key, reads) for key, reads in {name: main, **further}.items())
    values["targets"] = Targets(**values.get("targets", {}))
    values["licences"] = LicencePolicy(**values.get("licences", {}))
    lineage = tuple(dict.fromkeys(part.owner for part in reversed(parts) if part.owner != name))
    spec = ImageSpec(
        name=name,
        variant=variant,
        folder=parts[-1].folder,
        lineage=lineage,
        environments=environments,
        **values,
    )
    problems += [
        *_empty(spec, [main, *further.values()]),
        *_platforms(spec, parts),
        *_smoke_places(spec, parts),
    ]
    for reads in (main, *further.values()):
        problems += _crossings(reads)
        if not spec.accept_anaconda_terms:
            problems += [problem for read in reads for problem in terms_problems(read)]
    if name in further:
        problems.append(
            _at(parts, ("environments",), f"a second environment is called `{name}`", "rename it")
        )
    return spec, problems


def _on_platforms(reads: list[EnvironmentRead], platforms: Sequence[Platform]) -> list[Problem]:
    """Put each file as it holds on the platforms in its place; what cannot be said for all of them is a problem."""
    problems: list[Problem] = []
    for at, read in enumerate(reads):
        reads[at], found = for_platforms(read, platforms)
        problems += found
    return problems


def _default_installer() -> Installer:
    from builder.data.installers import newest  # noqa: PLC0415  (read only where an image leaves it open)

    return Installer(kind="miniconda", version=newest("miniconda"))


def _values(name: str, parts: list[Part]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in parts:
        for key, value in part.values.items():
            if key in _OWN and part.owner != name:
                continue
            values[key] = _combined(key, values.get(key), value)
    return values


def _combined(key: str, old: Any, new: Any) -> Any:
    if old is None:
        return new
    if key in _ADDED:
        return tuple(dict.fromkeys((*old, *new)))
    if key in _MAPS:
        return {**old, **new}
    if key == "smoke":
        tests: dict[str, SmokeTest] = {test.name: test for test in (*old, *new)}
        return tuple(tests.values())
    if key == "allow":
        allowed: dict[object, Allowance] = {(one.check, one.package): one for one in (*old, *new)}
        return tuple(allowed.values())
    return new


def _chain(owned: list[tuple[str, EnvironmentRead | None]]) -> list[EnvironmentRead]:
    """One file for each image of the lineage: a variant's file takes the place of its own image's."""
    return list({owner: read for owner, read in owned if read is not None}.values())


def _at(parts: list[Part], keys: Keys, what: str, fix: str) -> Problem:
    """A problem at the youngest part that wrote the key."""
    for part in reversed(parts):
        if (*part.keys, *keys) in part.document.places:
            return part.document.problem((*part.keys, *keys), what, fix)
    return parts[-1].document.problem(keys, what, fix)


def _empty(spec: ImageSpec, chains: list[list[EnvironmentRead]]) -> list[Problem]:
    return [
        reads[-1].document.problem(
            ("dependencies",), "the environment has no packages", "name at least `python`", key=True
        )
        for environment, reads in zip(spec.environments, chains, strict=True)
        if not environment.conda and not any(read.problems for read in reads)
    ]


def _platforms(spec: ImageSpec, parts: list[Part]) -> list[Problem]:
    found = []
    for platform in spec.platforms:
        if platform not in spec.base.platforms:
            fix = f"use {' or '.join(spec.base.platforms)}, or another base"
            found.append(_at(parts, ("platforms",), f"the base `{spec.base.key}` has no {platform}", fix))
        said = _no_installer(spec.installer, platform)
        if said is not None:
            found.append(_at(parts, ("installer",), said.what, said.fix))
    return found


def _no_installer(installer: Installer | None, platform: Platform) -> UsageError | None:
    if installer is None:
        return None
    from builder.data.installers import find_installer  # noqa: PLC0415

    try:
        find_installer(installer.kind, installer.version, None, platform)
    except UsageError as error:
        return error
    return None


def _smoke_places(spec: ImageSpec, parts: list[Part]) -> list[Problem]:
    names = [environment.name for environment in spec.environments]
    return [
        _at(
            parts,
            ("smoke",),
            f"test `{test.name}`: no environment is called `{test.environment}`",
            _listed(names),
        )
        for test in spec.smoke
        if test.environment is not None and test.environment not in names
    ]


def _listed(names: list[str]) -> str:
    return f"known here: {', '.join(names)}"


def _crossings(reads: list[EnvironmentRead]) -> list[Problem]:
    """Warnings where a child takes a package from another manager than its parent did."""
    found: list[Problem] = []
    conda: set[str] = set()
    pip: set[str] = set()
    for read in reads:
        own_conda = {wheel_name(spec) for spec in read.conda}
        own_pip = {pip_name(line) for line in read.pip}
        for name in sorted(own_pip & conda - own_conda):
            what = f"`{name}` comes from pip here, and from conda in the parent, whose spec is dropped"
            found.append(
                read.document.problem(("dependencies",), what, "keep it with one of them", warning=True)
            )
        for name in sorted(own_conda & pip - own_pip):
            what = f"`{name}` comes from conda here, and from pip in the parent, whose line is dropped"
            found.append(
                read.document.problem(("dependencies",), what, "keep it with one of them", warning=True)
            )
        conda |= own_conda
        pip |= own_pip
    return found
