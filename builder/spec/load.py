"""Definitions from disk to values: one image, all images, or only what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import DefinitionError, UsageError
from builder.problems import Problem
from builder.spec.bases import load_bases
from builder.spec.definition import Definition, read_definition
from builder.spec.merge import merge_parts
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.spec.translate import near_or_all


@dataclass(frozen=True, slots=True)
class Survey:
    """Every image that could be made, and every problem and warning, each once and in order of place."""

    specs: tuple[ImageSpec, ...]
    problems: tuple[Problem, ...]


def load_image(project: Project, ref: str) -> ImageSpec:
    """The image `ENV` or `ENV@VARIANT`.

    Raises UsageError with near misses for an unknown one, DefinitionError with all problems of its files.
    """
    name, variant = _split(ref)
    reader = _Reader(project)
    reader.require(name)
    spec, problems = reader.image(name, variant)
    _raise(problems)
    if variant is not None and variant not in reader.definition(name).variants:
        raise _unknown(
            f"`{name}` has no variant {variant!r}", variant, list(reader.definition(name).variants)
        )
    if spec is None:
        raise DefinitionError([Problem(project.label(project.envs / name), 0, 0, "", "cannot be read")])
    return spec


def load_images(project: Project, refs: Sequence[str]) -> list[ImageSpec]:
    """Several images, each once: `ENV` stands for itself and all its variants, `ENV@VARIANT` for that one.

    Raises UsageError and DefinitionError as `load_image`.
    """
    found: dict[str, ImageSpec] = {}
    for ref in refs:
        found[ref] = load_image(project, ref)
        if "@" not in ref:
            made = survey(project, [ref])
            _raise(made.problems)
            found |= {spec.ref: spec for spec in made.specs}
    return list(found.values())


def load_all(project: Project) -> list[ImageSpec]:
    """Every image, variants after the image they vary. Raises DefinitionError with all problems."""
    found = survey(project)
    _raise(found.problems)
    return list(found.specs)


def check(project: Project, names: Sequence[str] | None = None) -> list[Problem]:
    """All problems and warnings, of these images (and what they extend) or of all. Raises UsageError."""
    return list(survey(project, names).problems)


def check_staged(project: Project, folder: Path) -> list[Problem]:
    """All problems of a definition that is not in its place yet, with what it extends taken from the project.

    folder: `.../envs/NAME` somewhere else. Raises UsageError where the project cannot be listed.
    """
    reader = _Reader(project)
    name = folder.name
    stage = Project(folder.parent.parent, folder.parent)
    reader.take(name, read_definition(stage, name, reader.bases))
    problems: list[Problem] = []
    for variant in (None, *reader.definition(name).variants):
        problems += reader.image(name, variant)[1]
    return list(_ordered(problems))


def survey(project: Project, names: Sequence[str] | None = None) -> Survey:
    """What there is and what is wrong with it, together: for commands that show the good beside the bad.

    names: `ENV` (with all its variants) or `ENV@VARIANT`; None is every image. Raises UsageError.
    """
    reader = _Reader(project)
    specs: list[ImageSpec] = []
    problems: list[Problem] = list(reader.base_problems)
    for name in dict.fromkeys(_split(ref)[0] for ref in names) if names is not None else project.names():
        reader.require(name)
        for variant in (None, *reader.definition(name).variants):
            spec, found = reader.image(name, variant)
            problems += found
            if spec is not None and not any(not problem.warning for problem in found):
                specs.append(spec)
    return Survey(tuple(specs), _ordered(problems))


def _split(ref: str) -> tuple[str, str | None]:
    name, at, variant = ref.partition("@")
    return name, variant if at else None


def _ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems)))


def _raise(problems: Iterable[Problem]) -> None:
    faults = [problem for problem in _ordered(problems) if not problem.warning]
    if faults:
        raise DefinitionError(faults)


def _unknown(what: str, word: str, known: list[str]) -> UsageError:
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.5)
    there = f"there is: {', '.join(known)}" if known else "there is none; `imgbuild list` shows what there is"
    return UsageError(what, fix=f"did you mean {' or '.join(near)}?" if near else there)


class _Reader:
    """Definitions of one project, each read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.names = project.names()
        self.bases, self.base_problems = load_bases(project)
        self._read: dict[str, Definition] = {}

    def require(self, name: str) -> None:
        """Raise UsageError where there is no such image."""
        if name not in self.names:
            raise _unknown(f"no environment is called {name!r}", name, self.names)

    def take(self, name: str, definition: Definition) -> None:
        """Let a definition from elsewhere stand for this name."""
        self.names = sorted({*self.names, name})
        self._read[name] = definition

    def definition(self, name: str) -> Definition:
        """The definition of a folder that is there."""
        if name not in self._read:
            self._read[name] = read_definition(self.project, name, self.bases)
        return self._read[name]

    def image(self, name: str, variant: str | None) -> tuple[ImageSpec | None, list[Problem]]:
        """One image with all problems of its lineage; None where it cannot be made."""
        lineage, problems = self._lineage(name)
        problems += [*self.base_problems, *(problem for each in lineage for problem in each.problems)]
        youngest = lineage[-1]
        if any(each.broken for each in lineage) or (variant is not None and variant not in youngest.variants):
            return None, problems
        parts = [each.whole for each in lineage]
        if variant is not None:
            parts.append(youngest.variants[variant])
        spec, found = merge_parts(name, variant, parts, self.bases)
        return spec, [*problems, *found]

    def _lineage(self, name: str) -> tuple[list[Definition], list[Problem]]:
        """The oldest ancestor first. An unknown parent or a circle ends it, with a problem."""
        chain = [self.definition(name)]
        while (here := chain[-1]).extends:
            parent = here.extends
            seen = [each.name for each in chain]
            if parent in seen:
                circle = " -> ".join((*seen[seen.index(parent) :], parent))
                return chain[::-1], [_extends(here, f"goes in a circle: {circle}", "remove one `extends:`")]
            if parent not in self.names:
                fix = near_or_all(parent, [each for each in self.names if each != here.name])
                return chain[::-1], [_extends(here, f"no environment is called `{parent}`", fix)]
            chain.append(self.definition(parent))
        return chain[::-1], []


def _extends(here: Definition, what: str, fix: str) -> Problem:
    return here.whole.document.problem(("extends",), what, fix)
