"""Which lines of the definitions made a lock stale, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.lock.stale import Reason, changed_lines, find_reasons
from builder.spec.document import read_document
from builder.spec.model import CondaEnvironment, ImageSpec
from builder.spec.origins import Origin, Origins, origins
from builder.spec.piplines import pip_name
from builder.spec.project import BASES_FILE, Project
from builder.spec.requirements import conda_name
from builder.values import Value

_TOLD_BY_THE_BASE = ("base ", "virtual __glibc=")  # input lines that the reason about the base says better


class Line(Value):
    """One change. line counts from 1 and is 0 where only the file is known.

    what: `+numpy>=2 (the lock was made for numpy>=1)`, `-scipy (the lock was made with it)`, or a sentence.
    """

    file: str
    line: int = 0
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


def stale_lines(project: Project, spec: ImageSpec, lock: LockSet, source: Source) -> tuple[Line, ...]:
    """Every change that makes the lock stale, in the order of the places; () for a fresh lock."""
    found = [
        line for reason in find_reasons(spec, lock, source) for line in _lines(project, spec, lock, reason)
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.file, one.line)))


def _lines(project: Project, spec: ImageSpec, lock: LockSet, reason: Reason) -> Iterator[Line]:
    if not reason.environment:
        place = _place(project, spec, reason.key)
        yield Line(file=project.label(place.file), line=place.line, what=reason.what)
        return
    environment = next(one for one in spec.environments if one.name == reason.environment)
    new, gone = changed_lines(spec, lock, reason.environment)
    known = origins(spec, environment)
    for asked, was in _paired(new, gone):
        if not (asked or was).startswith(_TOLD_BY_THE_BASE):
            place = _asked_at(known, environment, asked or was, gone=not asked)
            yield Line(file=project.label(place.file), line=place.line, what=_told(asked, was))


def _place(project: Project, spec: ImageSpec, key: str) -> Origin:
    known = origins(spec, spec.environments[0])
    if key == "bases":
        file = project.envs / BASES_FILE
        row = read_document(file, "").places.get((spec.base.key,)) if file.is_file() else None
        return Origin(file, row.key_line, row.key_column) if row else known.of_image("base")
    place = known.of_image(key)
    return place if place.line or place.file.exists() else Origin(spec.folder)


def _paired(new: Sequence[str], gone: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is asked now beside what was asked of the same package; one of them may be empty."""
    left = {line: _subject(line) for line in gone}
    for line in new:
        before = next((one for one, subject in left.items() if subject == _subject(line)), "")
        left.pop(before, None)
        yield line, before
    yield from (("", line) for line in left)


def _subject(line: str) -> str:
    """What an input line is about: a package (whichever manager brings it), a variable, the channels, a machine."""
    kind, _, rest = line.partition(" ")
    if kind in {"conda", "pip"}:
        return f"package {pip_name(conda_name(rest) if kind == 'conda' else rest)}"
    return f"{kind} {rest.partition('=')[0]}" if kind in {"variable", "virtual"} else kind


def _told(asked: str, was: str) -> str:
    if not asked:
        return f"-{_plain(was)} (the lock was made with it)"
    return f"+{_plain(asked)} (the lock was made {f'for {_plain(was)}' if was else 'without it'})"


def _plain(line: str) -> str:
    """An input line as it is written in the file."""
    kind, _, rest = line.partition(" ")
    if kind == "virtual":
        name, version, _ = rest.split("=")
        return f"{name.removeprefix('__')}: {version}"
    return rest if kind == "conda" else f"{kind}: {rest}"


def _asked_at(known: Origins, environment: CondaEnvironment, line: str, *, gone: bool) -> Origin:
    """Where an input line stands; for one that is gone, where it would."""
    kind, _, rest = line.partition(" ")
    if kind == "virtual":
        return known.of_image(rest.partition("=")[0].removeprefix("__"))
    if kind == "channels":
        return min(known.channels.values(), key=lambda one: one.line, default=Origin(environment.file))
    if kind == "variable":
        return _variable(known, environment, rest.partition("=")[0])
    if gone:
        return _key(environment.file, ("dependencies",))
    return _requirement(known, kind, rest)


def _requirement(known: Origins, kind: str, rest: str) -> Origin:
    """Input lines have their blanks tidied, the file's lines not."""
    places = known.conda if kind == "conda" else known.pip
    return next(
        (place for line, place in places.items() if " ".join(line.split()) == rest),
        Origin(known.environment.file),
    )


def _variable(known: Origins, environment: CondaEnvironment, name: str) -> Origin:
    parents = {place.file for place in (*known.conda.values(), *known.pip.values())}
    for file in (environment.file, *sorted(parents - {environment.file})):
        place = _key(file, ("variables", name))
        if place.line:
            return place
    return _key(environment.file, ("variables",))


def _key(file: Path, keys: tuple[str, ...]) -> Origin:
    place = read_document(file, "").places.get(keys)
    return Origin(file, place.key_line, place.key_column) if place else Origin(file)
