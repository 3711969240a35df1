"""Solving anew around the packages of the lock before, so that nothing moves which does not have to.

The solver's own preference for locked packages depends on the order in which it decides: a package that is new
may pull a held one along although an older version would not. So its answer is asked for first, and then whether
the held ones that it moved can stay after all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from rattler import Gateway, MatchSpec, RepoDataRecord, Subdir
from rattler.exceptions import SolverError

from builder.lock.kept import Held
from builder.lock.model import CondaPackage
from builder.lock.source import Source
from builder.lock.urls import recorded

# Asks the solver, with records that it prefers and records that must not change.
Ask = Callable[[Sequence[RepoDataRecord], Sequence[RepoDataRecord]], Awaitable[list[RepoDataRecord]]]
_FEW = 6  # moved packages that are tried one by one; of more, a new python or the like is the cause


async def held_records(
    gateway: Gateway,
    channels: Sequence[str],
    subdirs: Sequence[Subdir],
    specs: Sequence[MatchSpec],
    packages: Sequence[CondaPackage],
    source: Source,
) -> list[RepoDataRecord]:
    """The channels' own records of locked packages, in the order of their names.

    A package that is no longer there has none, and neither has one whose name a channel of higher priority holds by
    now: the solver does not look at the priority of what it is handed. The channels' records are taken, and not the
    lock's, because what they say of dependencies may have been corrected since.
    """
    if not packages:
        return []
    names = sorted(package.name for package in packages)
    answer = await gateway.query(channels, subdirs, names, recursive=False, channel_relations="disabled")
    files, urls = {package.filename for package in packages}, {package.url for package in packages}
    channel_of = _chosen_channels(specs)
    found: dict[str, RepoDataRecord] = {}
    for record in (record for records in answer for record in records):
        name = record.name.normalized
        channel = channel_of.setdefault(name, record.channel.rstrip("/"))
        if (
            record.file_name in files
            and record.channel.rstrip("/") == channel
            and recorded(record.url, source) in urls
        ):
            found[name] = record
    return [found[name] for name in names if name in found]


def _chosen_channels(specs: Iterable[MatchSpec]) -> dict[str, str]:
    """The channels that specs name for themselves, by package."""
    return {
        spec.name.normalized: spec.channel.base_url.rstrip("/")
        for spec in specs
        if spec.channel is not None and spec.name is not None
    }


async def solve_keeping(
    ask: Ask, held: Sequence[RepoDataRecord], specs: Sequence[MatchSpec], wish: Held
) -> list[RepoDataRecord]:
    """The solution that keeps of the held records what can be kept, and moves what is to move.

    What moves goes as far as it would if everything were new. Raises SolverError when there is no solution.
    """
    staying = [record for record in held if not wish.moves(record.name.normalized)]
    goal = await _goal(ask, held, wish)
    first = await ask(staying, goal)
    moved = _moved(staying, first)
    if not moved:
        return first
    may_stay = [record for record in staying if _satisfies(record, specs)]
    whole = await _tried(ask, [*goal, *may_stay])
    return whole or await _one_by_one(ask, first, goal, may_stay, moved)


async def _goal(ask: Ask, held: Sequence[RepoDataRecord], wish: Held) -> list[RepoDataRecord]:
    """Where the moving packages end if everything is new; nothing where one of them would go back for that."""
    leaving = {record.name.normalized: record for record in held if wish.moves(record.name.normalized)}
    if not leaving:
        return []
    goal = [record for record in await ask((), ()) if wish.moves(record.name.normalized)]
    for record in goal:
        before = leaving.get(record.name.normalized)
        if before is not None and record.version < before.version:
            return []
    return goal


async def _one_by_one(
    ask: Ask,
    first: list[RepoDataRecord],
    goal: Sequence[RepoDataRecord],
    may_stay: Sequence[RepoDataRecord],
    moved: Sequence[RepoDataRecord],
) -> list[RepoDataRecord]:
    gone = {record.url for record in moved}
    if len(moved) > _FEW:
        return first
    best, pins = first, [*goal, *(record for record in may_stay if record.url not in gone)]
    for record in may_stay:
        if record.url in gone and (found := await _tried(ask, [*pins, record])):
            best, pins = found, [*pins, record]
    return best


async def _tried(ask: Ask, pinned: Sequence[RepoDataRecord]) -> list[RepoDataRecord] | None:
    try:
        return await ask((), pinned)
    except SolverError:
        return None


def _moved(staying: Iterable[RepoDataRecord], solved: Iterable[RepoDataRecord]) -> list[RepoDataRecord]:
    now = {record.name.normalized: record.url for record in solved}
    return [record for record in staying if now.get(record.name.normalized, record.url) != record.url]


def _satisfies(record: RepoDataRecord, specs: Iterable[MatchSpec]) -> bool:
    name = record.name.normalized
    return all(
        spec.matches(record) for spec in specs if spec.name is not None and spec.name.normalized == name
    )
