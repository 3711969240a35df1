"""A pip section that cannot be resolved: whose requirements conflict, what conda has to do with it, what helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from builder.errors import LockError
from builder.lock.explain.asking import Request
from builder.lock.explain.budget import Budget, Spent
from builder.lock.explain.carry import carried
from builder.lock.explain.mends import Mend
from builder.lock.explain.minimal import minimal_conflict
from builder.lock.explain.pipmends import Tries, pip_mends
from builder.lock.explain.said import Facts, facts_of, shortened
from builder.lock.explain.words import listed, wrapped
from builder.lock.mapping import Provided, provided
from builder.lock.model import CondaPackage, PipPackage
from builder.lock.target import Target
from builder.lock.uv import UnresolvableError
from builder.spec.model import Platform
from builder.spec.origins import Origins, origins
from builder.spec.piplines import pip_name
from builder.spec.requirements import conda_name

_LINES = 25
_OWN_WORDS = 10
_MOST_CONFLICTS = 3
_GENERAL = "nothing satisfies the pip section"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a changed request gives; error: its pip section cannot be resolved."""

    conda: tuple[CondaPackage, ...]
    wheels: tuple[PipPackage, ...]
    error: LockError | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A refused pip section. conda: what it stands on. again: the same with a change; None: conda refuses."""

    request: Request
    platform: Platform
    conda: tuple[CondaPackage, ...]
    target: Target
    again: Callable[[Request], Answer | None]
    budget: Budget
    from_kit: bool = False

    def answer(self, request: Request) -> Answer | None:
        """Ask again. Raises Spent."""
        self.budget.spend()
        return self.again(request)


@dataclass(frozen=True, slots=True)
class Explained:
    """A refusal as an error, the lines of each conflict it tells of, and the mends it names."""

    error: LockError
    conflicts: tuple[tuple[str, ...], ...]
    mends: tuple[Mend, ...]


def explain(error: UnresolvableError, section: Section) -> Explained:
    """Why a pip section is refused: what, where, a tried mend and the explanation."""
    search = _Search(error, section)
    search.run()
    told = LockError(
        search.short(), where=search.where(), fix=search.fix(), detail="\n".join(search.detail())
    )
    return Explained(told, tuple(one.lines for one in search.conflicts), tuple(search.mends))


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Lines that cannot be had, what uv says about them alone, and what conda brings of what it speaks of."""

    lines: tuple[str, ...]
    error: UnresolvableError
    facts: Facts
    held: tuple[Provided, ...]


class _Search:
    def __init__(self, error: UnresolvableError, section: Section) -> None:
        self.error = error
        self.section = section
        self.request = section.request
        self.places: Origins = origins(section.request.spec, section.request.environment)
        self.conflicts: list[_Conflict] = []
        self.proven = True
        self.mends: list[Mend] = []

    def run(self) -> None:
        """Find the lines that conflict, what is said about them alone, and what helps."""
        rest = list(dict.fromkeys(self.request.environment.pip))
        try:
            while (
                rest and len(self.conflicts) < _MOST_CONFLICTS and not (self.conflicts and self._holds(rest))
            ):
                lines, proven = minimal_conflict(self._holds, rest)
                self.proven = self.proven and proven
                self.conflicts.append(self._conflict(lines))
                rest = [line for line in rest if line not in lines]
        except Spent:
            self.proven = False
        if len(self.conflicts) == 1:
            self.mends = pip_mends(self._tries(self.conflicts[0], self.request))
        elif self.conflicts:
            self.mends = self._together()

    def _conflict(self, lines: Sequence[str]) -> _Conflict:
        error = self.error
        try:
            alone = self.section.answer(self.request.with_pip(lines))
        except Spent:
            alone = None
        if alone is not None and isinstance(alone.error, UnresolvableError):
            error = alone.error
        facts = facts_of(error.said)
        named = facts.names | {pip_name(line) for line in lines}
        every = provided(self.section.conda)
        held = tuple(one for name, one in sorted(every.items()) if name in named)
        return _Conflict(tuple(lines), error, facts, held)

    def _together(self) -> list[Mend]:
        """One mend of each conflict, found while the others are out of the way, and all of them tried at once."""
        whole, words = self.request, []
        for conflict in self.conflicts:
            others = {line for one in self.conflicts if one is not conflict for line in one.lines}
            alone = self.request.with_pip(
                [line for line in self.request.environment.pip if line not in others]
            )
            first = next(iter(pip_mends(self._tries(conflict, alone), most=1)), None)
            if first is None:
                return []
            words.append(str(first))
            whole = carried(alone, first.request, whole)
        try:
            return [Mend("; and ".join(words), whole)] if self._changed(whole) is not None else []
        except Spent:
            return []

    def _tries(self, conflict: _Conflict, request: Request) -> Tries:
        brought = {one.name: one.conda.partition("=")[0] for one in conflict.held}
        return Tries(self._changed, request, self.section.platform, self.section.target,
                     conflict.lines, conflict.facts, brought, self.place, self.conda_place)  # fmt: skip

    def _changed(self, request: Request) -> dict[str, str] | None:
        """Versions by name of what a changed request gives, wheels over conda; None where it is refused."""
        answer = self.section.answer(request)
        if answer is None or answer.error is not None:
            return None
        found = {package.name: package.version for package in answer.conda}
        return found | {wheel.name: wheel.version for wheel in answer.wheels}

    def _holds(self, lines: Sequence[str]) -> bool:
        answer = self.section.answer(self.request.with_pip(lines))
        return answer is not None and answer.error is None

    def place(self, line: str) -> str:
        """`environment.yml:7` of a pip line."""
        return self.places.of_pip(line).shown(self.request.spec.folder)

    def conda_place(self, line: str) -> str:
        """`environment.yml:7` of a conda line."""
        return self.places.of_conda(line).shown(self.request.spec.folder)

    def short(self) -> str:
        """One sentence, about the first conflict."""
        if not self.conflicts:
            return self.error.what
        conflict = self.conflicts[0]
        what = conflict.error.what
        if not what.startswith(_GENERAL):
            return what
        lines = [f"`{line}`" for line in conflict.lines[:4]]
        if conflict.held:
            brought = listed([one.conda.replace("=", " ", 1) for one in conflict.held[:3]])
            return f"{_GENERAL}: {listed(lines)} cannot be had with conda's {brought}"
        if len(lines) == 1:
            return f"{_GENERAL}: {lines[0]} cannot be had on {self.section.target}"
        return f"{_GENERAL}: {listed(lines)} cannot be had together"

    def where(self) -> str:
        """The place of the last of the lines."""
        return str(self.places.of_pip(self.conflicts[0].lines[-1])) if self.conflicts else self.error.where

    def fix(self) -> str:
        """The first mend, or the general one."""
        if self.section.from_kit:
            anew = f"make the kit anew for {self.request.spec.ref} as it is defined now"
            return f"{anew}, or {self.mends[0]}" if self.mends else anew
        return str(self.mends[0]) if self.mends else self.error.fix

    def detail(self) -> list[str]:
        """The explanation, then what helps."""
        reason = [line for conflict in self.conflicts for line in self._reason(conflict)]
        reason = reason or [text for row in shortened(self.error.said) for text in wrapped(row)]
        helps = list(self._helps())
        most = max(_LINES - len(helps), 8)
        return [*(reason if len(reason) <= most else [*reason[: most - 1], "..."]), *helps]

    def _reason(self, conflict: _Conflict) -> Iterator[str]:
        for line in conflict.lines:
            yield from wrapped(f"{self.place(line)} asks pip for `{line}`")
        for one in conflict.held:
            yield from wrapped(self._brought(one))
        for sentence in conflict.facts.sentences(self.section.target, {one.name for one in conflict.held}):
            yield from wrapped(sentence)
        if not conflict.facts.explains:
            yield "uv's own words:"
            lines = [text for row in shortened(conflict.error.said) for text in wrapped(row)]
            yield from lines[:_OWN_WORDS]
            if len(lines) > _OWN_WORDS:
                yield "..."

    def _brought(self, one: Provided) -> str:
        name = one.conda.partition("=")[0]
        said = f"conda brings {name} {one.version or one.conda.partition('=')[2]}"
        path = _path(name, self.section.conda, self.request.lines)
        if path is None:
            return said
        line, chain = path
        asks = f"{self.conda_place(line)} asks for `{line}`"
        needs = "".join(f", which needs {link}" for link in chain[1:])
        return f"{said}: {asks}{needs}"

    def _helps(self) -> Iterator[str]:
        if self.mends:
            yield "What helps (each was tried):"
            for mend in self.mends:
                yield from wrapped(f"- {mend}")
        if self.section.budget.ran_out:
            yield f"The search was stopped after {self.section.budget.used} tries."
        if not self.proven:
            yield from wrapped("So some of the lines named above may have no part in it.")


def _path(name: str, conda: Sequence[CondaPackage], lines: Sequence[str]) -> tuple[str, list[str]] | None:
    """The requested line through which conda came to a package, and the packages from there to it."""
    needs = {
        package.name: [text.split(maxsplit=1)[0] for text in package.depends if text.strip()]
        for package in conda
    }
    paths = [(line, [conda_name(line)]) for line in lines]
    seen: set[str] = set()
    while paths:
        line, chain = paths.pop(0)
        if chain[-1] == name:
            return line, chain
        if chain[-1] not in seen:
            seen.add(chain[-1])
            paths += [(line, [*chain, other]) for other in needs.get(chain[-1], ())]
    return None
