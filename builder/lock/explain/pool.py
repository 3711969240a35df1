"""The records that may be chosen: of the channels under strict priority, and of the declared machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rattler import MatchSpec, PackageName, PackageRecord, Subdir, VersionWithSource
from rattler.exceptions import InvalidMatchSpecError
from rattler.package import BuildString

from builder.lock.explain.asking import Asking
from builder.lock.inputs import virtual_packages

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")


@dataclass(eq=False, slots=True)
class Candidate:
    """One record, with what is looked at often taken out of it. needs: dependencies by name, as written."""

    name: str
    version: VersionWithSource
    build: str
    needs: dict[str, str]
    constrains: dict[str, str]
    record: PackageRecord


def name_of(text: str) -> str:
    """The package that a dependency is about: `numpy` of `numpy >=1.2`; old records leave out the blank."""
    found = _NAME.match(text.rpartition("::")[2].strip())
    return found[0].lower() if found else text


class Pool:
    """Candidates by name, each asked for once."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self._by_name: dict[str, list[list[Candidate]]] = {}
        self._fitting: dict[tuple[str, str], bool | frozenset[int]] = {}
        self._specs: dict[str, MatchSpec | None] = {}

    def tiers(self, name: str) -> list[list[Candidate]]:
        """The candidates of each channel, in the channels' order; of the machine for a virtual package."""
        if name not in self._by_name:
            found = self._machine(name) if name.startswith("__") else self._asked(name)
            self._by_name[name] = found
        return self._by_name[name]

    def candidates(self, name: str, asked: Iterable[str] = ()) -> list[Candidate]:
        """Those of the first channel that has the name: strict priority.

        asked: the specs of the name. One that names a channel (`nvidia::cuda-nvcc`) is answered by that channel.
        """
        tiers = [tier for tier in self.tiers(name) if tier]
        wanted = [text for text in asked if "::" in text]
        for tier in tiers:
            if any(self.takes(text, one) for one in tier for text in wanted):
                return tier
        return tiers[0] if tiers else []

    def takes(self, text: str, candidate: Candidate) -> bool:
        """Whether a spec takes the candidate."""
        spec = self._spec(text)
        return spec is not None and spec.matches(candidate.record)

    def _spec(self, text: str) -> MatchSpec | None:
        if text not in self._specs:
            try:
                self._specs[text] = MatchSpec(text, strict=False)
            except InvalidMatchSpecError:
                self._specs[text] = None
        return self._specs[text]

    def _asked(self, name: str) -> list[list[Candidate]]:
        return [
            [candidate_of(record) for record in tier]
            for tier in self.asking.records(name, self.asking.subdir)
        ]

    def _machine(self, name: str) -> list[list[Candidate]]:
        return [[one for one in self._declared if one.name == name]]

    @cached_property
    def _declared(self) -> list[Candidate]:
        declared = virtual_packages(self.asking.request.spec, self.asking.platform)
        return [
            candidate_of(
                PackageRecord(
                    PackageName(one.name),
                    VersionWithSource(one.version),
                    BuildString(one.build),
                    0,
                    Subdir("noarch"),
                )
            )
            for one in declared
        ]


def candidate_of(record: PackageRecord) -> Candidate:
    """What is looked at of a record."""
    return Candidate(
        name=record.name.normalized,
        version=record.version,
        build=str(record.build),
        needs=_by_name(record.depends),
        constrains=_by_name(record.constrains),
        record=record,
    )


def _by_name(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        if text.strip():
            name = name_of(text)
            # Two entries for one name both hold; `a >=1` and `a <2` are one `a >=1,<2`.
            found[name] = _both(found[name], text) if name in found else text
    return found


def _both(first: str, second: str) -> str:
    ranges = [_NAME.sub("", text, count=1).split() for text in (first, second)]
    if all(len(one) == 1 for one in ranges):
        return f"{name_of(first)} {ranges[0][0]},{ranges[1][0]}"
    return (
        first if len(ranges[0]) >= len(ranges[1]) else second
    )  # one of them names a build as well, or nothing
