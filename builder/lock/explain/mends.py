"""What would make a request solvable; each of them was tried before it is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rattler import RepoDataRecord

from builder.lock.explain.asking import Asking, Request
from builder.lock.explain.budget import Spent
from builder.lock.explain.carry import carried
from builder.lock.explain.machine import other_bases, other_cuda
from builder.spec.requirements import conda_name

MOST = 4
_PLAIN = re.compile(r"(?P<channel>\S+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<rest>.*)")

Change = Callable[[Request], Request]


@dataclass(frozen=True, slots=True)
class Mend:
    """A request that can be solved (or locked, where it has a pip section), and what it is: `write a in place of b`.

    notes: where that is, and what it would bring.
    """

    words: str
    request: Request
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.words} ({'; '.join(self.notes)})" if self.notes else self.words


@dataclass(frozen=True, slots=True)
class Conflict:
    """Lines that cannot be had together. instead: what may be meant by a line. virtual: the machine's parts in it.

    channel: one listed later that has what is asked for. unlisted: one that a line names and nobody lists.
    """

    lines: tuple[str, ...]
    instead: tuple[str, ...] = ()
    virtual: tuple[str, ...] = ()
    channel: str = ""
    unlisted: str = ""


@dataclass(frozen=True, slots=True)
class _Try:
    words: str
    change: Change
    about: str
    at: str = ""


def mends(asking: Asking, conflicts: Sequence[Conflict], place: Callable[[str], str]) -> list[Mend]:
    """Changes after which the whole request can be solved, the gentlest first."""
    found: list[Mend] = []
    try:
        if len(conflicts) == 1:
            for mend in _single(asking, asking.request, conflicts[0], place):
                found.append(mend)
                if len(found) == MOST:
                    break
        elif conflicts:
            found += _together(asking, conflicts, place)
    except Spent:
        pass
    return found


def _single(
    asking: Asking, request: Request, conflict: Conflict, place: Callable[[str], str]
) -> Iterator[Mend]:
    """Mends of one conflict in a request."""
    kinds: set[str] = set()
    for attempt in _tries(asking, request, conflict, place):
        kind = attempt.about
        if kind in kinds:  # one way to change a line (or the machine) is enough
            continue
        changed = attempt.change(request)
        records = asking.solved(changed)
        if records is not None:
            kinds.add(kind)
            notes = (attempt.at, _comes(request, changed, records))
            yield Mend(attempt.words, changed, tuple(note for note in notes if note))


def _together(asking: Asking, conflicts: Sequence[Conflict], place: Callable[[str], str]) -> Iterator[Mend]:
    """One mend of each conflict, found while the others are out of the way, and all of them tried at once."""
    request, words = asking.request, []
    for at, conflict in enumerate(conflicts):
        others = {line for number, one in enumerate(conflicts) if number != at for line in one.lines}
        alone = asking.request.with_lines([line for line in asking.request.lines if line not in others])
        first = next(_single(asking, alone, conflict, place), None)
        if first is None:
            return
        words.append(str(first))
        request = carried(alone, first.request, request)
    if asking.solved(request) is not None:
        yield Mend("; and ".join(words), request)


def _tries(
    asking: Asking, request: Request, conflict: Conflict, place: Callable[[str], str]
) -> Iterator[_Try]:
    """What may help, the gentlest first; some of it is worked out with the solver."""
    yield from _channels(request, conflict)
    yield from _machines(asking, request, conflict)
    for new in conflict.instead:
        yield _replaced(conflict.lines[0], new, place)
    for line in conflict.lines:
        for new in _loosened(asking, request, line):
            yield _replaced(line, new, place)
    for line in reversed(conflict.lines):
        yield _Try(f"leave out `{line}`", _without(line), f"without {line}", place(line))


def _channels(request: Request, conflict: Conflict) -> Iterator[_Try]:
    """Other channels, or another order of them."""
    others = [one for one in request.environment.channels if one != conflict.channel]
    orders = [(conflict.channel, *others)] if conflict.channel else []
    orders += [(*others, conflict.unlisted)] if conflict.unlisted else []
    for channels in orders:
        request = request.with_channels(channels)
        yield _Try(f"write channels: [{', '.join(channels)}]", _always(request), "channels")


def _machines(asking: Asking, request: Request, conflict: Conflict) -> Iterator[_Try]:
    """Another CUDA line or base."""
    if "__cuda" in conflict.virtual:
        for line, changed in other_cuda(request):
            words = f'declare cuda: "{line}" in image.yml'
            yield _Try(words, _always(changed), "cuda")
    if "__glibc" in conflict.virtual and asking.source.id.kind != "kit":  # a kit's bases are those it holds
        for base, changed in other_bases(request, asking.platform):
            words = f"write base: {base.key} in image.yml"
            yield _Try(words, _always(changed), "base", f"glibc {base.glibc}")


def _always(changed: Request) -> Change:
    return lambda _: changed


def _without(line: str) -> Change:
    return lambda old: old.with_lines([one for one in old.lines if one != line])


def _replaced(line: str, new: str, place: Callable[[str], str]) -> _Try:
    def change(old: Request) -> Request:
        return old.with_lines([new if one == line else one for one in old.lines])

    return _Try(f"write `{new}` in place of `{line}`", change, f"instead {line}", place(line))


def _loosened(asking: Asking, request: Request, line: str) -> Iterator[str]:
    """Wider forms of a line: what the solver would choose if the line asked for the name only."""
    found = _PLAIN.fullmatch(line)
    if found is None or not found["rest"]:
        return
    name = f"{found['channel'] or ''}{found['name']}"
    records = asking.solved(_replaced(line, name, str).change(request))
    if records is None:
        return
    version = chosen(records, conda_name(line))
    parts = version.split(".")
    if ">" in found["rest"] and "<" not in found["rest"] and len(parts) > 1:
        yield f"{name}>={parts[0]}.{parts[1]}"
    if len(parts) > 1:
        yield f"{name}={parts[0]}.{parts[1]}"
    yield f"{name}={version}"
    yield name


def chosen(records: Sequence[RepoDataRecord], name: str) -> str:
    """The version of a package among the solved ones; empty where it is not there."""
    return next((str(record.version) for record in records if record.name.normalized == name), "")


def _comes(before: Request, after: Request, records: Sequence[RepoDataRecord]) -> str:
    """`numpy 1.26.4 would come`: for the lines that are new in the request."""
    new = [conda_name(line) for line in after.lines if line not in before.lines]
    versions = [f"{name} {chosen(records, name)}" for name in new if chosen(records, name)]
    return f"{', '.join(versions)} would come" if versions else ""
