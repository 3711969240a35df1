"""What an environment asks of conda, said in the words of the Python package index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from builder.errors import LockError
from builder.lock.mapping import names as conda_to_pypi
from builder.spec.model import CondaEnvironment

_PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Asked:
    """One conda spec: conda name, the distribution it holds, its version clauses in PEP 440's spelling."""

    conda: str
    pypi: str
    clauses: str

    @property
    def requirement(self) -> str:
        """`numpy>=1.20,<2`."""
        return f"{self.pypi}{self.clauses}"


def read_specs(environment: CondaEnvironment, python: str) -> tuple[Asked, ...]:
    """The environment's conda part without python itself.

    Raises LockError when python's spec does not match the suite's `python` (full version), and for specs that
    wheels cannot answer: builds, alternatives with `|`.
    """
    from rattler import MatchSpec, Version, VersionSpec  # noqa: PLC0415  (only where something is solved)
    from rattler.exceptions import InvalidMatchSpecError  # noqa: PLC0415

    asked = []
    for text in environment.conda:
        where = str(environment.file)
        try:
            spec = MatchSpec(text, strict=False)
        except InvalidMatchSpecError as error:
            raise LockError(
                f"{text!r} is not a conda spec: {error}", where=where, fix="write name=1.2"
            ) from error
        name = spec.name.normalized if spec.name is not None else ""
        version = str(spec.version) if spec.version is not None else ""
        if name == _PYTHON:
            if version and not VersionSpec(version).matches(Version(python)):
                raise _other_python(text, python, where)
            continue
        if spec.build is not None or "|" in version or not name:
            raise LockError(
                f"{text!r} cannot be had from wheels", where=where, fix="ask for name and version only"
            )
        asked.append(Asked(name, _distribution(name), pep440(version)))
    return tuple(asked)


def pep440(version: str) -> str:
    """conda's version clauses as a specifier: `1.26.*` is `==1.26.*`, `2.0rc1.*` is `==2.0rc1`."""
    clauses = []
    for clause in filter(None, (part.strip() for part in version.split(","))):
        if clause == "*":
            continue
        if clause[0] in "=<>!~":
            clauses.append(clause if not clause.startswith("=") or clause.startswith("==") else f"={clause}")
        else:
            exact = clause.removesuffix(".*")
            fuzzy = clause != exact and exact.replace(".", "").isdigit()
            clauses.append(f"=={clause if fuzzy else exact}")
    return ",".join(clauses)


def conda_names(asked: Iterable[Asked]) -> dict[str, str]:
    """Distribution to the conda name its package gets: the name somebody asked for, else its own."""
    wanted: dict[str, str] = {}
    for one in sorted(asked, key=lambda one: one.conda):
        wanted.setdefault(one.pypi, one.conda)
    return wanted


def aliases(asked: Iterable[Asked], names: Mapping[str, str]) -> dict[str, str]:
    """Further conda names that were asked for a distribution: alias to distribution."""
    return {one.conda: one.pypi for one in asked if names[one.pypi] != one.conda}


def _distribution(conda: str) -> str:
    return canonicalize_name(conda_to_pypi().get(conda, conda))


def _other_python(text: str, python: str, where: str) -> LockError:
    minor = ".".join(python.split(".")[:2])
    return LockError(
        f"{text!r} cannot be had here: the base's own Python is {python}",
        where=where,
        fix=f"ask for python={minor}, take a base with the other Python, or build from the real channel",
    )
