"""What a file of another tool asks for, in our terms, and what of it did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from builder.problems import Problem
from builder.spec.model import Platform

Kind: TypeAlias = Literal["environment", "requirements", "pixi", "conda-lock", "explicit", "list"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SAYS: dict[Kind, str] = {
    "environment": "environment.yml",
    "requirements": "a requirements file",
    "pixi": "pixi.toml or pyproject.toml",
    "conda-lock": "conda-lock.yml",
    "explicit": "an explicit list",
    "list": "the output of `conda list --export`",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One environment. name: of a further one, empty for the image's own. channels: empty for the default.

    text: the file as it was written, where it can stay that; empty where it is written anew.
    """

    name: str = ""
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(slots=True)
class Found:
    """A file as read. problems: what cannot be honoured, with its place; notes: what became something else, and why.

    platforms, cuda: empty where the file says nothing of them. terms: it needs Anaconda's terms, and they are
    accepted. left: problems whose lines were left out, because that was asked for.
    """

    kind: Kind
    drafts: list[Draft] = field(default_factory=list)
    platforms: tuple[Platform, ...] = ()
    cuda: str = ""
    terms: bool = False
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    left: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Sort a problem in: warnings are notes."""
        (self.notes if problem.warning else self.problems).append(problem)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says about how to read. python: `3.12`, empty to leave it open.

    environment: of a file with several, the one to take; platform: of a lock with several. channels: in place of the
    file's. accept_anaconda_terms: channels that Anaconda's terms govern may stand in it.
    """

    python: str = ""
    environment: str = ""
    platform: Platform | None = None
    channels: tuple[str, ...] = ()
    accept_anaconda_terms: bool = False


def terms_problem(problem: Problem, channel: str) -> Problem:
    """What to say of a channel whose terms were not accepted. problem: any at its place."""
    fix = "take another with --channel conda-forge, or accept them with --accept-anaconda-terms"
    return replace(problem, what=f"Anaconda's terms of service govern `{channel}`", fix=fix)


@dataclass(frozen=True, slots=True)
class Given:
    """The file. label: how messages name it. text: its content, decoded, without a byte order mark."""

    path: Path
    label: str
    text: str

    def problem(
        self, line: int, what: str, fix: str = "", *, column: int = 1, key: str = "", warning: bool = False
    ) -> Problem:
        """A problem in a line (from 1; 0 is the whole file)."""
        return Problem(self.label, line, column if line else 0, key, what, fix, warning)
