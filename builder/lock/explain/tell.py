"""A contradiction as lines of text: who asks for what, what that needs, and where it cannot go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from builder.lock.explain.asking import Asking
from builder.lock.explain.crux import sentences
from builder.lock.explain.derive import Demand, Derivation
from builder.lock.explain.machine import machine_words
from builder.lock.explain.pool import Candidate, Pool
from builder.lock.explain.words import needed, versions, wrapped

Place = Callable[[str], str]
_MOST_NESTED = 12


def told(lines: Sequence[str], derivation: Derivation, asking: Asking, pool: Pool, place: Place) -> list[str]:
    """The lines, wrapped; empty where the derivation has no clash."""
    if not derivation.clash:
        return []
    return list(_Teller(derivation, asking, pool, place).text(lines))


class _Teller:
    def __init__(self, derivation: Derivation, asking: Asking, pool: Pool, place: Place) -> None:
        self.found = derivation
        self.asking = asking
        self.pool = pool
        self.place = place
        self.used: list[Demand] = []
        self.traced: list[str] = []
        self.virtual: list[str] = []
        self.told: set[str] = set()
        self._trace(derivation.clash)

    def _trace(self, name: str) -> None:
        """Note which demands made a package what it is, back to the requested lines."""
        if name in self.traced:
            return
        self.traced.append(name)
        if name.startswith("__"):
            self.virtual.append(name)
            if name != self.found.clash:  # the machine has it, whoever else needs it
                return
        demands = self.found.demands.get(name, [])
        first = [demand for demand in demands if not demand.weak][:1]
        limiting = [out.demand for out in self.found.outs.get(name, {}) if out.demand is not None]
        for demand in dict.fromkeys((*first, *limiting)):
            if demand not in self.used:
                self.used.append(demand)
            if demand.by:
                self._trace(demand.by)
        for out in self.found.outs.get(name, {}):
            if out.on:
                self._trace(out.on)

    def text(self, lines: Sequence[str]) -> Iterator[str]:
        for line in lines:
            yield from wrapped(f"{self.place(line)} asks for `{line}`")
            for demand in self.used:
                if demand.line == line:
                    yield from self._under(demand.name, 1)
        for said in sentences(self.found, self.asking, self.pool):
            yield from wrapped(said)
        for name in self.virtual:
            yield from wrapped(machine_words(name, self.asking.request.spec, self.place))

    def _under(self, name: str, depth: int) -> Iterator[str]:
        """What a package needs, as far as it matters, and what that needs."""
        if name in self.told or depth > _MOST_NESTED:
            return
        self.told.add(name)
        shown = set()
        for demand in self.used:
            if demand.by == name:
                shown.add(demand.name)
                yield from wrapped(self._needs(name, self._choice(name), demand.texts, demand), 2 * depth)
                yield from self._under(demand.name, depth + 1)
        for on, texts, ones, limits in self._grouped(name):
            if on not in shown:
                said = _sentence(name, versions(ones), on, texts, limits=limits, many=_many(ones))
                yield from wrapped(said, 2 * depth)
                yield from self._under(on, depth + 1)

    def _needs(self, name: str, ones: Sequence[Candidate], texts: Sequence[str], demand: Demand) -> str:
        return _sentence(name, versions(ones), demand.name, texts, limits=demand.weak, many=_many(ones))

    def _choice(self, name: str) -> list[Candidate]:
        return self.found.domains.get(name) or self.found.fitting(name)

    def _grouped(self, name: str) -> Iterator[tuple[str, list[str], list[Candidate], bool]]:
        """Candidates that went because of another package, by that package."""
        groups: dict[tuple[str, bool], tuple[list[str], list[Candidate]]] = {}
        for out, ones in self.found.outs.get(name, {}).items():
            if out.on:
                texts, all_ones = groups.setdefault((out.on, out.limits), ([], []))
                texts.append(out.text)
                all_ones.extend(ones)
        for (on, limits), (texts, ones) in groups.items():
            yield on, texts, ones, limits


def _many(ones: Sequence[Candidate]) -> bool:
    return len({str(one.version) for one in ones}) > 1


def _sentence(name: str, which: str, other: str, texts: Sequence[str], *, limits: bool, many: bool) -> str:
    said = needed(other, texts)
    if limits:
        return f"{name} {which} {'allow' if many else 'allows'} only {said} beside {'them' if many else 'it'}"
    return f"{name} {which} {'need' if many else 'needs'} {said}"
