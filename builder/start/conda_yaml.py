"""environment.yml of somebody else's: kept as it is where that can be, with few lines changed.

What is changed: `name:`, `prefix:` and `platforms:`, included requirements files, and the line ends. Where lines
cannot be changed one by one (everything in one line), the file is written anew, without its comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from builder.problems import Problem
from builder.spec.document import Document, Keys, printable
from builder.spec.environment import NO_DEFAULTS, EnvironmentRead, for_platforms, read_environment
from builder.spec.model import Platform
from builder.spec.reqfiles import beside
from builder.start.model import Draft, Found, Given, Wish, terms_problem
from builder.start.text import quoted
from builder.values import CONDA_SUBDIR

_SUBDIRS: dict[str, Platform] = {subdir: platform for platform, subdir in CONDA_SUBDIR.items()}  # type: ignore[misc]
_OURS = ("name", "prefix", "platforms", "category")
_ELSEWHERE = re.compile(r"(?P<windows>[A-Za-z]:\\|/[a-z]/Users/)|(?P<mac>/Users/|/opt/homebrew/)")
_BUILD = re.compile(r"[^=\s]+=[^=\s]+=[^=*\s]+")


def read_conda_yaml(given: Given, name: str, wish: Wish) -> Found:
    """What the file asks for. name: what the environment will be called."""
    found = Found("environment")
    given = replace(given, text=given.text.replace("\r\n", "\n").replace("\r", "\n"))
    read = _read(given, name)
    for problem in read.problems:
        if not (problem.warning and problem.path in _OURS):
            found.add(problem)
    if read.document.broken:
        return found
    found.platforms = _platforms(read.document, found)
    _told(read, given, found)
    _terms(read, wish, found)
    if wish.python:
        line = next((spec for spec in read.conda if re.fullmatch(r"python\b.*", spec)), "")
        what = f"`{printable(line) or 'python'}` is kept as the file says it, and --python is not"
        found.problems.append(given.problem(0, what, "leave --python out, or change the file"))
    found.drafts.append(_draft(read, given, name, wish, found))
    return found


def _read(given: Given, name: str) -> EnvironmentRead:
    return read_environment(given.path, given.label, name, find=beside, text=given.text)


def _platforms(document: Document, found: Found) -> tuple[Platform, ...]:
    written = document.data.get("platforms")
    if not isinstance(written, list):
        return ()
    ours = tuple(dict.fromkeys(_SUBDIRS[one] for one in written if isinstance(one, str) and one in _SUBDIRS))
    others = [printable(str(one)) for one in written if not (isinstance(one, str) and one in _SUBDIRS)]
    if not ours:
        what = "names no platform that an image can have"
        found.problems.append(document.problem(("platforms",), what, f"known here: {', '.join(_SUBDIRS)}"))
    elif others:
        what = f"{', '.join(others)} is left out: images are for Linux"
        found.notes.append(document.problem(("platforms",), what, warning=True))
    return ours


def _told(read: EnvironmentRead, given: Given, found: Found) -> None:
    """What becomes something else, and what will surprise later."""
    document = read.document
    if "prefix" in document.data:
        what = "is left out: the image has its own place for environments"
        found.notes.append(document.problem(("prefix",), what, key=True, warning=True))
    elsewhere = (
        _ELSEWHERE.match(document.places[("prefix",)].text or "") if "prefix" in document.data else None
    )
    if elsewhere and any(_BUILD.fullmatch(spec) for spec in read.conda):
        system = "Windows" if elsewhere["windows"] else "macOS"
        what = f"was exported on {system} with builds, and Linux has others"
        fix = "export it with `conda env export --from-history`, or with `--no-builds`"
        found.problems.append(document.problem(("prefix",), what, fix))
    for line in read.dropped:
        what = "counts for nothing: its selector holds on no Linux"
        found.notes.append(given.problem(line, what, warning=True))


def _terms(read: EnvironmentRead, wish: Wish, found: Found) -> None:
    asked = [(keys, channel) for keys, channel in read.terms if keys[0] != "channels" or not wish.channels]
    found.terms = bool(asked) and wish.accept_anaconda_terms
    if not wish.accept_anaconda_terms:
        found.problems += [terms_problem(read.document.problem(keys, ""), channel) for keys, channel in asked]


def _draft(read: EnvironmentRead, given: Given, name: str, wish: Wish, found: Found) -> Draft:
    draft = Draft(
        channels=wish.channels or read.channels or (),
        conda=read.conda,
        pip=read.pip,
        variables=dict(read.variables),
    )
    text = _edited(read, given.text, name, wish.channels)
    again = _read(replace(given, text=text), name)
    told = [problem for problem in again.problems if problem.path in _OURS or not problem.warning]
    if not told and _same(replace(read, channels=wish.channels or read.channels), again):
        return replace(draft, text=text)
    found.notes.append(given.problem(0, "is written anew, without its comments", warning=True))
    if not read.only:
        return draft
    platforms = (wish.platform,) if wish.platform else found.platforms or ("linux/amd64",)
    kept, problems = for_platforms(read, platforms)
    found.problems += problems
    return replace(draft, conda=kept.conda, pip=kept.pip)


def _same(one: EnvironmentRead, other: EnvironmentRead) -> bool:
    def asked(read: EnvironmentRead) -> tuple[object, ...]:
        return read.channels, read.conda, sorted(read.pip), dict(read.variables), dict(read.only)

    return asked(one) == asked(other) and not other.included


def _edited(read: EnvironmentRead, text: str, name: str, channels: tuple[str, ...]) -> str:
    """The text with few lines changed; whether that went well is for the caller to see."""
    document = read.document
    lines = text.split("\n")
    changed: dict[int, list[str]] = {}
    if "name" in document.data and (at := _one_line(document, ("name",), lines)):
        changed[at] = [f"name: {quoted(name)}"]
    for key in ("prefix", "platforms", "category"):
        if key in document.data:
            changed |= {line: [] for line in _block(document, key, lines)}
    changed |= _inlined(read, lines)
    if channels:
        written = ", ".join(quoted(channel) for channel in (*channels, NO_DEFAULTS))
        block = _block(document, "channels", lines) if "channels" in document.data else range(1, 1)
        changed |= {line: [] for line in block}
        changed[block.start] = [f"channels: [{written}]", *(() if block else lines[:1])]
    kept = [new for at, line in enumerate(lines, 1) for new in changed.get(at, [line])]
    return "\n".join(kept).rstrip("\n") + "\n"


def _one_line(document: Document, keys: Keys, lines: list[str]) -> int:
    """The line of a plain `key: value` at the left margin; 0 where it is written otherwise."""
    place = document.places[keys]
    alone = place.key_column == 1 and place.line == place.key_line
    return place.line if alone and re.match(rf"{keys[-1]}\s*:", lines[place.line - 1]) else 0


def _block(document: Document, key: str, lines: list[str]) -> range:
    """The lines of a top key, without comments and blanks at its end: those belong to what follows."""
    first = document.places[(key,)].key_line
    tops = sorted(place.key_line for keys, place in document.places.items() if len(keys) == 1)
    last = next((line for line in tops if line > first), len(lines) + 1) - 1
    while last > first and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
        last -= 1
    return range(first, last + 1)


def _inlined(read: EnvironmentRead, lines: list[str]) -> Mapping[int, list[str]]:
    """Lines of included files in the place of the first line that includes or that a limit changed."""
    if not read.included and not any(text.startswith("-") for _, text in _pip_places(read.document)):
        return {}
    rows = [line for line, _ in _pip_places(read.document)]
    if len(set(rows)) != len(rows):
        return {}
    own = re.match(r"\s*- *", lines[rows[0] - 1])
    if own is None:
        return {}
    new = list(read.pip)
    changed: dict[int, list[str]] = {}
    for row, text in _pip_places(read.document):
        if text in new:
            new.remove(text)  # the line stays as it is, with its comment
        else:
            changed[row] = []
    for row in list(changed)[:1]:
        changed[row] = [f"{own[0]}{quoted(line)}" for line in new]
    return changed


def _pip_places(document: Document) -> list[tuple[int, str]]:
    return [
        (place.line, place.text or "")
        for keys, place in document.places.items()
        if len(keys) == 4 and keys[0] == "dependencies" and keys[2] == "pip"
    ]


def without_faults(given: Given, problems: list[Problem]) -> tuple[Given, list[Problem]]:
    """The file with the lines at fault left empty, and the problems that this answers.

    Only items of lists that stand in a line of their own can be left out.
    """
    lines = given.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    gone: list[Problem] = []
    for problem in problems:
        inside = problem.file == given.label and re.match(r"dependencies\[|channels\[", problem.path)
        if inside and re.fullmatch(r"\s*- *\S.*", lines[problem.line - 1]):
            gone.append(problem)
    for problem in gone:
        lines[problem.line - 1] = ""
    return replace(given, text="\n".join(lines)), gone
