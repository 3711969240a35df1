"""The pip section of environment.yml with the files it includes, as one list of requirement lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.problems import Problem
from builder.spec.document import Document, bad_character, dotted
from builder.spec.fault import Fault
from builder.spec.paths import inside
from builder.spec.piplines import check_pip, included, needless, pip_name
from builder.spec.reqfiles import Find, Line, Requirements, read_into


def within(folder: Path) -> Find:
    """How a definition finds what it includes: below its own folder, as all its files."""

    def find(path: Path, name: str) -> Path:
        return inside(folder, os.path.relpath(path.parent / name, folder), "file")

    return find


def read_pip(document: Document, path: Path, find: Find) -> Requirements:
    """The lines of all pip sections, limits applied. Nothing is raised: what is wrong stands in `problems`.

    Lines at fault are left out, whose problems the model of the file has; what the others include is read all the same.
    """
    found = Requirements()
    entries = document.data.get("dependencies")
    for at, entry in enumerate(entries if isinstance(entries, list) else []):
        lines = entry.get("pip") if isinstance(entry, dict) else None
        for row, text in enumerate(lines if isinstance(lines, list) else []):
            if isinstance(text, str) and _is_well(text):
                _take(found, _line(document, path, ("dependencies", at, "pip", row), text), find)
    found.lines, problems = limited(found.lines, found.limits)
    found.problems += problems
    return found


def _is_well(text: str) -> bool:
    try:
        check_pip(text)
    except Fault:
        return False
    return not bad_character(text)


def _line(document: Document, path: Path, keys: tuple[str | int, ...], text: str) -> Line:
    place = document.places.get(keys)
    line, column = (place.line, place.column) if place else (0, 0)
    return Line(text, path, document.file, line, column, dotted(keys))


def _take(found: Requirements, one: Line, find: Find) -> None:
    if why := needless(one.text):
        found.problems.append(one.problem("has no effect", f"remove it: {why}", warning=True))
    elif include := included(one.text):
        kind, name = include
        try:
            path = find(one.path, name)
        except Fault as fault:
            found.problems.append(one.problem(fault.what, fault.fix))
            return
        label = os.path.normpath(os.path.join(os.path.dirname(one.file), name))  # noqa: PTH118, PTH120
        read_into(found, path, label, find, limits=kind == "constraints")
    else:
        found.lines.append(one)


@dataclass(frozen=True, slots=True)
class _Limit:
    line: Line
    specifier: str
    marker: str


def limited(lines: Sequence[Line], limits: Sequence[Line]) -> tuple[list[Line], list[Problem]]:
    """The lines with the limits of constraints put into them.

    A limit of a package that no line names cannot be said in a list of requirements; one problem a file names them.
    """
    if not limits:
        return list(lines), []
    asked: dict[str, list[Line]] = {}
    for line in lines:
        asked.setdefault(pip_name(line.text), []).append(line)
    found = list(lines)
    problems: list[Problem] = []
    unasked: dict[str, list[Line]] = {}
    for limit in limits:
        if pip_name(limit.text) not in asked:
            unasked.setdefault(limit.file, []).append(limit)
            continue
        for line in asked[pip_name(limit.text)]:
            changed = _limited(next(one for one in found if _same_place(one, line)), _read(limit))
            if isinstance(changed, Problem):
                problems.append(changed)
            else:
                at = next(at for at, one in enumerate(found) if _same_place(one, line))
                found[at : at + 1] = changed
    for rows in unasked.values():
        names = ", ".join(sorted({pip_name(row.text) for row in rows})[:8])
        more = f" and {len(rows) - 8} more" if len(rows) > 8 else ""
        what = f"limits packages that nothing asks for by name: {names}{more}"
        fix = "name in the list what shall be limited; what is locked stays as it is"
        problems.append(rows[0].problem(what, fix))
    return found, problems


def _same_place(one: Line, other: Line) -> bool:
    return (one.file, one.line, one.column) == (other.file, other.line, other.column)


def _read(limit: Line) -> _Limit:
    from packaging.requirements import Requirement  # noqa: PLC0415  (20 ms that few files need)

    read = Requirement(limit.text)
    return _Limit(limit, str(read.specifier), str(read.marker or ""))


def _limited(line: Line, limit: _Limit) -> list[Line] | Problem:
    from packaging.requirements import Requirement  # noqa: PLC0415

    read = Requirement(line.text)
    if not limit.specifier:
        return [line]
    if not limit.marker or limit.marker == str(read.marker or ""):
        read.specifier &= type(read.specifier)(limit.specifier)
        return [replace(line, text=str(read))]
    if read.marker is None:
        return [line, replace(limit.line, text=f"{read.name}{limit.specifier}; {limit.marker}")]
    what = f"limits `{pip_name(line.text)}` under another condition than the line that asks for it"
    return limit.line.problem(what, "write the limit into that line")
