"""Which Python distributions conda packages hold, so that pip does not bring them twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.data.tables import read_table
from builder.lock.depends import name_and_constraint
from builder.lock.model import CondaPackage


@dataclass(frozen=True, slots=True)
class Provided:
    """A distribution that conda brings. version is None where conda's is no PEP 440 version (`2024a`)."""

    name: str
    version: str | None
    conda: str


@cache
def distributions() -> dict[str, tuple[str, ...]]:
    """The table: conda name to the distributions it holds, normalised; () for one that holds none."""
    return {
        conda: tuple(canonicalize_name(name) for name in ([held] if isinstance(held, str) else held))
        for conda, held in read_table("pypi_names.yml").items()
    }


@cache
def names() -> dict[str, str]:
    """Conda names to the distribution that is called otherwise: the first, where a package holds several."""
    return {conda: held[0] for conda, held in distributions().items() if held}


def provided(packages: Iterable[CondaPackage]) -> dict[str, Provided]:
    """Distributions by normalised name.

    A package that does not depend on python and is not in the table holds none: conda's `zstd` is a C
    library, and the distribution of that name is something else.
    """
    return {
        name: Provided(name, _version(package.version), f"{package.name}={package.version}")
        for package in packages
        for name in held_by(package)
    }


def held_by(package: CondaPackage) -> tuple[str, ...]:
    """The distributions that one conda package holds, by their normalised names."""
    if package.name in distributions():
        return distributions()[package.name]
    needs_python = any(name_and_constraint(line)[0] == "python" for line in package.depends)
    return (canonicalize_name(package.name),) if needs_python else ()


def _version(text: str) -> str | None:
    try:
        return str(Version(text))
    except InvalidVersion:
        return None
