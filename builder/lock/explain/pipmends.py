"""What would make a pip section resolvable, each tried with conda's part and the wheels together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from builder.lock.explain.asking import Request
from builder.lock.explain.budget import Spent
from builder.lock.explain.machine import other_bases
from builder.lock.explain.mends import Mend
from builder.lock.explain.said import Facts
from builder.lock.target import Target
from builder.spec.model import Platform
from builder.spec.piplines import pip_name
from builder.spec.requirements import conda_name

MOST = 4
_PLAIN_RANGE = re.compile(r"[A-Za-z0-9][\w.-]*(?:[<>=!]=?[\w.*+!]+)(?:,[<>=!]=?[\w.*+!]+)*")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?(?:\[[^\]]*\])?")
_SOURCE_PYTHONS = ("3.13", "3.12", "3.11", "3.10")


@dataclass(frozen=True, slots=True)
class Tries:
    """ask: versions by name of what a request gives, or None. held: conda's name of what conda brings, by name."""

    ask: Callable[[Request], Mapping[str, str] | None]
    request: Request
    platform: Platform
    target: Target
    lines: tuple[str, ...]
    facts: Facts
    held: Mapping[str, str]
    place: Callable[[str], str]
    conda_place: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Try:
    words: str
    request: Request
    about: str
    at: str = ""
    name: str = ""


def pip_mends(tries: Tries, most: int = MOST) -> list[Mend]:
    """Changes after which conda's part and the wheels can be had, the gentlest first; at most `most`."""
    found: list[Mend] = []
    kinds: set[str] = set()
    try:
        for attempt in _each(tries):
            if attempt.about in kinds:
                continue
            versions = tries.ask(attempt.request)
            if versions is not None:
                kinds.add(attempt.about)
                comes = (
                    f"{attempt.name} {versions[attempt.name]} would come" if attempt.name in versions else ""
                )
                notes = tuple(note for note in (attempt.at, comes) if note)
                found.append(Mend(attempt.words, attempt.request, notes))
                if len(found) == most:
                    break
    except Spent:
        pass
    return found


def _each(tries: Tries) -> Iterator[_Try]:
    yield from _bases(tries)
    yield from _other_conda(tries)
    yield from _loosened(tries)
    yield from _pythons(tries)
    yield from _from_conda(tries)
    yield from _from_pip(tries)
    for line in reversed(tries.lines):
        request = tries.request.with_pip([one for one in tries.request.environment.pip if one != line])
        yield _Try(f"leave out `{line}`", request, f"without {line}", tries.place(line))


def _bases(tries: Tries) -> Iterator[_Try]:
    """A base with a newer C library, where wheels ask for one."""
    if any(one.newer_glibc(tries.target) for one in tries.facts.wheels):
        for base, request in other_bases(tries.request, tries.platform):
            yield _Try(f"write base: {base.key} in image.yml", request, "base", f"glibc {base.glibc}")


def _other_conda(tries: Tries) -> Iterator[_Try]:
    """conda's version of a package as the wheels want it."""
    for name, conda in tries.held.items():
        limits = [*tries.facts.limits(name), *(line for line in tries.lines if pip_name(line) == name)]
        for limit in dict.fromkeys(limits):
            if not _PLAIN_RANGE.fullmatch(limit):
                continue
            new = conda + re.sub(_NAME, "", limit, count=1)
            yield from _conda_line(tries, conda, new)


def _conda_line(tries: Tries, conda: str, new: str) -> Iterator[_Try]:
    lines = tries.request.lines
    own = [line for line in lines if conda_name(line) == conda]
    if own:
        changed = [new if line == own[0] else line for line in lines]
        words = f"write `{new}` in place of `{own[0]}`"
        yield _Try(
            words, tries.request.with_lines(changed), f"conda {conda}", tries.conda_place(own[0]), conda
        )
    else:
        words = f"add `{new}` to dependencies:"
        yield _Try(words, tries.request.with_lines([*lines, new]), f"conda {conda}", "", conda)


def _loosened(tries: Tries) -> Iterator[_Try]:
    """The version that pip would take if a line asked for the name only."""
    for line in tries.lines:
        found = _NAME.match(line)
        if found is None or found[0] == line.strip() or pip_name(line) in tries.held:
            continue
        marker = line.partition(";")[1:]
        name = found[0]
        versions = tries.ask(_with(tries, line, name + " ".join(marker)))
        version = (versions or {}).get(pip_name(line), "")
        if version:
            new = f"{name}=={version}"
            about = f"instead {line}"
            words = f"write `{new}` in place of `{line}`"
            yield _Try(words, _with(tries, line, new), about, tries.place(line))


def _with(tries: Tries, line: str, new: str) -> Request:
    return tries.request.with_pip([new if one == line else one for one in tries.request.environment.pip])


def _pythons(tries: Tries) -> Iterator[_Try]:
    """Another python, where wheels are there for others."""
    lines = tries.request.lines
    own = [line for line in lines if conda_name(line) == "python"]
    asked = [minor for one in tries.facts.wheels for minor in reversed(one.pythons)]
    if not own or not (asked or tries.facts.pythons):
        return
    here = ".".join(tries.target.python.split(".")[:2])
    for minor in dict.fromkeys((*asked, *_SOURCE_PYTHONS)):
        if minor != here:
            new = f"python={minor}"
            changed = [new if line == own[0] else line for line in lines]
            words = f"write `{new}` in place of `{own[0]}`"
            yield _Try(words, tries.request.with_lines(changed), "python", tries.conda_place(own[0]))


def _from_pip(tries: Tries) -> Iterator[_Try]:
    """The package from pip alone, where a conda line brings it."""
    for name, conda in tries.held.items():
        own = [line for line in tries.request.lines if conda_name(line) == conda and conda != "python"]
        if own and any(pip_name(line) == name for line in tries.lines):
            rest = [line for line in tries.request.lines if line not in own]
            words = f"leave out `{own[0]}`, so that pip brings {name}"
            yield _Try(
                words, tries.request.with_lines(rest), f"without {conda}", tries.conda_place(own[0]), name
            )


def _from_conda(tries: Tries) -> Iterator[_Try]:
    """The package from conda in place of pip."""
    for line in tries.lines:
        name = pip_name(line)
        if name not in tries.held and not tries.facts.needs:
            rest = [one for one in tries.request.environment.pip if one != line]
            request = tries.request.with_pip(rest).with_lines([*tries.request.lines, name])
            words = f"take it from conda: write `{name}` under dependencies: and leave `{line}` out of pip:"
            yield _Try(words, request, f"conda {name}", tries.place(line), name)
