"""The newest conda packages that the channels of an environment have, and what keeps them out of the set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rattler import PackageName, PackageRecord, Subdir, VersionWithSource
from rattler.exceptions import FetchRepoDataError, GatewayError
from rattler.package import BuildString

from builder.lock.depends import name_and_constraint
from builder.lock.explain.asking import Asking, Request
from builder.lock.explain.budget import Budget
from builder.lock.explain.pool import Candidate, Pool, candidate_of, name_of
from builder.lock.gateway import opened
from builder.lock.model import CondaPackage
from builder.lock.outdated.model import Holder, PackageRow
from builder.lock.outdated.places import Places
from builder.lock.outdated.rows import rows_of
from builder.lock.solve import channel_urls, match_spec
from builder.lock.source import Source
from builder.spec.model import CondaEnvironment, ImageSpec, Platform

_MOST = 2  # causes that are told of one package
_KEYS = {"__glibc": "base", "__cuda": "cuda"}  # virtual packages that a key of image.yml declares


def conda_rows(
    environment: CondaEnvironment,
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    sides: tuple[Sequence[CondaPackage], Sequence[CondaPackage]],
    places: Places,
) -> tuple[PackageRow, ...]:
    """The packages that move or are held back. sides: the lock, and what the update would make of it.

    Raises LockError when a channel cannot be read.
    """
    with opened(channel_urls(environment, source)) as gate:
        asking = Asking(
            Request(environment, spec),
            platform,
            source,
            read=lambda line: match_spec(line, environment, source),
            gateway=gate.gateway,
            budget=Budget(),
        )
        found = _Newest(Pool(asking), sides[1], places, spec)
        try:
            return rows_of("conda", sides[0], sides[1], found.version, found.holders)
        except (GatewayError, FetchRepoDataError) as error:
            where = str(environment.file)
            raise gate.unreadable(error, environment.name, environment.channels, where) from error


class _Newest:
    """after: the set as the update would have it."""

    def __init__(self, pool: Pool, after: Sequence[CondaPackage], places: Places, spec: ImageSpec) -> None:
        self.pool, self.places, self.spec = pool, places, spec
        self.after = {package.name: package for package in after}
        self.needs = {package.name: dict(map(_need, package.depends)) for package in after}
        self._newest: dict[str, list[Candidate]] = {}
        self.requirers: dict[str, list[str]] = {}
        for name, needs in self.needs.items():
            for needed in needs:
                self.requirers.setdefault(needed, []).append(name)

    def newest(self, name: str) -> list[Candidate]:
        """Every build of the newest version in the first channel that has the name, or in the one a line names."""
        if name not in self._newest:
            self._newest[name] = self._found(name)
        return self._newest[name]

    def _found(self, name: str) -> list[Candidate]:
        lines = self.places.conda.get(name, ())
        if any("::" in line for line in lines):
            found = self.pool.candidates(name, lines)
            best = max((one.version for one in found), default=None)
            return [one for one in found if one.version == best]
        # Of all that a set has, most is the newest: what its other versions need is not taken apart.
        asking = self.pool.asking
        records = next((tier for tier in asking.records(name, asking.subdir) if tier), [])
        top = max((one.version for one in records), default=None)
        return [candidate_of(one) for one in records if one.version == top]

    def version(self, name: str) -> str:
        """The newest version; empty where no channel has the name any more."""
        return next((str(one.version) for one in self.newest(name)), "")

    def holders(self, name: str) -> tuple[Holder, ...]:
        """Why the newest version is not in the set: by lines, by others of the set, or by what it needs itself."""
        newest = self.newest(name)
        for causes in (self._lines(name, newest), self._others(name, newest), self._own(newest)):
            found = tuple(dict.fromkeys(causes))[:_MOST]
            if found:
                return found
        return ()

    def _lines(self, name: str, newest: Sequence[Candidate]) -> Iterator[Holder]:
        for line in self.places.conda.get(name, ()):
            if not self._takes(line.rpartition("::")[2], newest):
                yield self.places.of_line(line)

    def _others(self, name: str, newest: Sequence[Candidate]) -> Iterator[Holder]:
        for other in self.requirers.get(name, ()):
            need = self.needs[other][name]
            if not self._takes(need, newest):
                why = f"{other} {self.after[other].version} needs {need}"
                yield self.places.bringing(other, self.requirers, why, pip=False)

    def _own(self, newest: Sequence[Candidate]) -> Iterator[Holder]:
        """What the build that lacks least asks for and the set does not have."""
        lacking = [[need for need in one.needs.values() if not self._met(need)] for one in newest]
        for need in min(lacking, key=len, default=[]):
            needed, why = name_of(need), f"{newest[0].name} {newest[0].version} needs {need}"
            if needed in _KEYS:
                key = _KEYS[needed]
                value = self.spec.base.key if key == "base" else str(self.spec.cuda)
                yield self.places.of_image(key, value, why)
            elif needed.startswith("__"):
                yield Holder(why=why)
            else:
                yield self.places.against(needed, self.requirers, why)

    def _met(self, need: str) -> bool:
        name = name_of(need)
        held = self.after.get(name)
        if held is None:
            return self._takes(need, self.pool.candidates(name))
        return self._takes(need, [_candidate(held)])

    def _takes(self, text: str, candidates: Iterable[Candidate]) -> bool:
        return any(self.pool.takes(text, one) for one in candidates)


def _need(line: str) -> tuple[str, str]:
    return name_and_constraint(line)[0], line


def _candidate(package: CondaPackage) -> Candidate:
    return candidate_of(
        PackageRecord(
            PackageName(package.name),
            VersionWithSource(package.version),
            BuildString(package.build),
            0,
            Subdir(package.subdir),
        )
    )
