"""What pip lays over what is there already: conda's distribution, or another one with the same modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from builder.lock.cuda.builds import needed_by
from builder.lock.cuda.model import Finding
from builder.lock.cuda.table import SameImport, table
from builder.lock.mapping import Provided, provided
from builder.lock.model import EnvironmentLock


def replaced(environment: EnvironmentLock) -> Iterator[Finding]:
    """Wheels that overwrite files of another package of the environment."""
    held = provided(environment.conda)
    wheels = {wheel.name: wheel.version for wheel in environment.pip}
    for name in sorted(held.keys() & wheels.keys()):
        what = f"{name} {wheels[name]} (pip) replaces {held[name].conda} (conda)"
        conda = held[name].conda.partition("=")[0]
        fix = f"take {name} out of the pip section, or {conda} out of the conda part"
        yield _finding(environment, name, (name, conda), what, fix)
    for group in table().same_import:
        yield from _same_module(environment, group, held, wheels)


def _same_module(
    environment: EnvironmentLock, group: SameImport, held: Mapping[str, Provided], wheels: Mapping[str, str]
) -> Iterator[Finding]:
    conda = [held[name].conda for name in group.wheels if name in held]
    pip = [name for name in group.wheels if name in wheels and name not in held]
    kept = conda[0] if conda else next((f"{name} {wheels[name]}" for name in pip), "")
    for name in pip if conda else pip[1:]:
        origin = "conda" if conda else "pip"
        what = (
            f"{name} {wheels[name]} (pip) and {kept} ({origin}) both bring the module {group.module}, "
            "and one overwrites the other"
        )
        yield _finding(environment, name, group.wheels, what, _keep_one(name, kept, environment))


def _keep_one(name: str, kept: str, environment: EnvironmentLock) -> str:
    requirers = needed_by(name, environment)
    if not requirers:
        return f"keep one of the two: take {name} out of the pip section, or the other where it is asked for"
    return (
        f"ask for {name} in place of {kept}, or put {requirers[0]}, which needs it, into another environment"
    )


def _finding(environment: EnvironmentLock, name: str, names: Iterable[str], what: str, fix: str) -> Finding:
    requirers = needed_by(name, environment)
    return Finding(
        check="replaced",
        package=name,
        names=frozenset(names),
        environment=environment.name,
        what=what,
        cause=f"needed by {', '.join(requirers[:3])}" if requirers else "the pip section asks for it",
        fix=fix,
    )
