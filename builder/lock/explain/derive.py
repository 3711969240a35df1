"""From requested lines to a contradiction: what every choice needs, followed until a package has no choice left.

This is unit propagation over the records. It finds what a person would find by reading the metadata; where it
finds nothing, the lines still conflict, and the solver's own words have to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder.lock.explain.budget import Budget
from builder.lock.explain.pool import Candidate, Pool
from builder.spec.requirements import conda_name

_MOST_NAMES = 500
_FEW = 200  # candidates for which also what only some of them need is looked at


@dataclass(frozen=True, slots=True)
class Demand:
    """That a package be there, in one of these forms. by: the package that needs it, or empty; line: who asks.

    weak: only a limit, which does not bring the package.
    """

    name: str
    texts: tuple[str, ...]
    by: str = ""
    line: str = ""
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Out:
    """Why candidates cannot be chosen: they do not fit a demand, or need (or limit) what is not to be had."""

    demand: Demand | None = None
    text: str = ""
    on: str = ""
    limits: bool = False


@dataclass
class Derivation:
    """domains: what is left of each package that must be there. outs: who went, and why. clash: who has none left."""

    demands: dict[str, list[Demand]] = field(default_factory=dict)
    domains: dict[str, list[Candidate]] = field(default_factory=dict)
    outs: dict[str, dict[Out, list[Candidate]]] = field(default_factory=dict)
    clash: str = ""

    def fitting(self, name: str) -> list[Candidate]:
        """The candidates that fit the demands, whether or not what they need is to be had."""
        gone = [one for out, ones in self.outs.get(name, {}).items() if out.demand is None for one in ones]
        return [*self.domains.get(name, []), *gone]


def derive(lines: Sequence[str], pool: Pool, budget: Budget) -> Derivation:
    """Follow the lines; `clash` is empty where no contradiction comes to light."""
    search = _Search(pool, budget)
    for line in lines:
        search.require(Demand(conda_name(line), (_plain(line),), line=line))
    search.run()
    return search.found


def _plain(line: str) -> str:
    return line.partition("::")[2].strip() if "::" in line else line


class _Search:
    def __init__(self, pool: Pool, budget: Budget) -> None:
        self.pool = pool
        self.budget = budget
        self.found = Derivation()
        self.queue: deque[str] = deque()
        self.removed: dict[str, set[Candidate]] = {}
        self.fits: dict[tuple[str, str, int], bool] = {}

    def require(self, demand: Demand) -> None:
        known = self.found.demands.setdefault(demand.name, [])
        same_source = [one for one in known if (one.by, one.line) == (demand.by, demand.line)]
        if demand in known or any(set(one.texts) <= set(demand.texts) for one in same_source):
            return
        known.append(demand)
        if not demand.weak or demand.name in self.found.domains:
            self._again(demand.name)

    def _again(self, name: str) -> None:
        if name not in self.queue:
            self.queue.append(name)

    def run(self) -> None:
        while self.queue and not self.found.clash:
            if len(self.found.domains) > _MOST_NAMES or self.budget.left() <= 0:
                return
            self._look(self.queue.popleft())

    def _look(self, name: str) -> None:
        """Narrow one package down, and follow what all that is left of it need."""
        demands = self.found.demands[name]
        candidates = counted(name, demands, self.pool)
        gone = self.removed.setdefault(name, set())
        before = self.found.domains.get(name)
        for one in candidates:
            if one not in gone and (out := self._against(one, demands)) is not None:
                gone.add(one)
                self.found.outs.setdefault(name, {}).setdefault(out, []).append(one)
        left = [one for one in candidates if one not in gone]
        self.found.domains[name] = left
        if not left:
            self.found.clash = name
        elif before is None or len(left) != len(before):
            self._follow(name, left)

    def _follow(self, name: str, left: list[Candidate]) -> None:
        for needs, weak in ((_common([one.needs for one in left]), False),
                            (_common([one.constrains for one in left]), True)):  # fmt: skip
            for other, texts in needs.items():
                self.require(Demand(other, texts, by=name, weak=weak))
        for other, domain in self.found.domains.items():
            if other != name and any(name in one.needs or name in one.constrains for one in domain):
                self._again(other)

    def _against(self, one: Candidate, demands: Sequence[Demand]) -> Out | None:
        for demand in demands:
            if not any(self.pool.takes(text, one) for text in demand.texts):
                return Out(demand=demand)
        few = len(self.pool.candidates(one.name)) <= _FEW
        for other, text in one.needs.items():
            if (few or other in self.found.domains or other.startswith("__")) and not self._possible(
                other, text
            ):
                return Out(text=text, on=other)
        for other, text in one.constrains.items():
            if other in self.found.domains and not self._possible(other, text):
                return Out(text=text, on=other, limits=True)
        return None

    def _possible(self, name: str, text: str) -> bool:
        """Whether anything that is left of a package takes the spec; all of it where it need not be there."""
        domain = self.found.domains.get(name)
        key = (name, text, -1 if domain is None else len(domain))
        if key not in self.fits:
            left = self.pool.candidates(name) if domain is None else domain
            self.fits[key] = any(self.pool.takes(text, one) for one in left)
        return self.fits[key]


def counted(name: str, demands: Sequence[Demand], pool: Pool) -> list[Candidate]:
    """The candidates of the channel that counts for a name."""
    only_asked = not any(demand.by for demand in demands)
    return pool.candidates(name, [text for demand in demands for text in demand.texts] if only_asked else ())


def _common(needs: Sequence[dict[str, str]]) -> dict[str, tuple[str, ...]]:
    """What all of them need, with every form in which they need it."""
    names = set(needs[0]).intersection(*needs[1:])
    return {name: tuple(dict.fromkeys(one[name] for one in needs)) for name in needs[0] if name in names}
