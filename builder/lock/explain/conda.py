"""A conda part that cannot be solved: which lines conflict, through what, and what was tried that helps."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass

from rattler.exceptions import FetchRepoDataError, GatewayError

from builder.errors import LockError
from builder.lock.explain.asking import Asking
from builder.lock.explain.budget import Spent
from builder.lock.explain.crux import cruces, later
from builder.lock.explain.derive import Derivation, derive
from builder.lock.explain.faults import Fault, fault_of
from builder.lock.explain.mends import MOST, Conflict, Mend, mends
from builder.lock.explain.minimal import minimal_conflict
from builder.lock.explain.pool import Pool
from builder.lock.explain.tell import told
from builder.lock.explain.words import listed, needed, wrapped
from builder.spec.origins import Origins, origins

_LINES = 25  # a person's patience
_OWN_WORDS = 12  # lines of the solver's tree, where ours could not say it
_MOST_CONFLICTS = 3
_PREAMBLE = "Cannot solve the request because of: "


@dataclass(frozen=True, slots=True)
class Explained:
    """A refusal as an error, the conflicts it tells of, and the mends it names (each solved when it was tried)."""

    error: LockError
    conflicts: tuple[Conflict, ...]
    mends: tuple[Mend, ...]


def explain(asking: Asking, said: str) -> Explained:
    """Why the request is refused. said: the solver's own words, for what cannot be said better."""
    search = _Search(asking)
    # A channel that cannot be read any more ends the search; what was found until then is told.
    with contextlib.suppress(GatewayError, FetchRepoDataError):
        search.run()
    return Explained(_Report(search, said).error(), tuple(search.conflicts), tuple(search.mends))


class _Search:
    """faults and conflicts are what was found; mends what was tried with success."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.pool = Pool(asking)
        self.places = origins(asking.request.spec, asking.request.environment)
        self.faults: list[Fault] = []
        self.conflicts: list[Conflict] = []
        self.derivations: list[Derivation] = []
        self.mends: list[Mend] = []
        self.proven = True

    def place(self, line: str) -> str:
        """`environment.yml:7` of a line; `image.yml cuda` is the place of that key."""
        folder = self.asking.request.spec.folder
        if line.startswith("image.yml "):
            return self.places.of_image(line.partition(" ")[2]).shown(folder)
        return self.places.of_conda(line).shown(folder)

    def run(self) -> None:
        """Look for everything that stands in the way, then for what helps."""
        rest = list(dict.fromkeys(self.asking.request.lines))
        for line in list(rest):
            fault = fault_of(line, self.asking, self.pool)
            if fault is not None:
                self.faults.append(fault)
                self.conflicts.append(Conflict((line,), instead=fault.instead, unlisted=fault.channel))
                rest.remove(line)
        try:
            while rest and len(self.conflicts) < _MOST_CONFLICTS and not self.asking.holds(rest):
                rest = self._next_conflict(rest)
        except Spent:
            self.proven = False
        self.mends = [*self._other_platforms(), *mends(self.asking, self.conflicts, self.place)][:MOST]

    def _other_platforms(self) -> list[Mend]:
        """The image without this platform, where others have everything that is asked for."""
        request, platform = self.asking.request, self.asking.platform
        others = tuple(one for one in request.spec.platforms if one != platform)
        if not others or not self.faults or not all(fault.elsewhere for fault in self.faults):
            return []
        try:
            for other in others:
                if dataclasses.replace(self.asking, platform=other).solved(request) is None:
                    return []
        except Spent:
            return []
        place = self.place("image.yml platforms")
        return [Mend(f"leave {platform} out of platforms:", request.with_image(platforms=others), (place,))]

    def _next_conflict(self, rest: list[str]) -> list[str]:
        """Find one more conflict; the lines without it."""
        lines, proven = minimal_conflict(self.asking.holds, rest)
        self.proven = self.proven and proven
        derivation = derive(lines, self.pool, self.asking.budget)
        self.derivations.append(derivation)
        channel = self._later(derivation)
        self.conflicts.append(Conflict(tuple(lines), virtual=tuple(_virtual(derivation)), channel=channel))
        return [line for line in rest if line not in lines]

    def _later(self, derivation: Derivation) -> str:
        ends = cruces(derivation) if derivation.clash else []
        channels = [later(crux, derivation, self.asking, self.pool)[0] for crux in ends]
        return next((channel for channel in channels if channel), "")


def _virtual(derivation: Derivation) -> list[str]:
    """The machine's parts that sorted candidates out."""
    outs = [out for outs in derivation.outs.values() for out in outs]
    needs = [name for name in (derivation.clash, *(out.on for out in outs)) if name.startswith("__")]
    return sorted(set(needs))


class _Report:
    def __init__(self, search: _Search, said: str) -> None:
        self.search = search
        self.asking = search.asking
        self.said = said.removeprefix(_PREAMBLE).strip()

    def error(self) -> LockError:
        """What, where, the tried mend, and the explanation."""
        return LockError(
            f"nothing satisfies the environment {self._which()}: {self._short()}",
            where=self._where(self.search.places),
            fix=self._fix(),
            detail="\n".join(self._detail()),
        )

    def _which(self) -> str:
        """The environment, and for which variant and platform, where there are several."""
        spec = self.asking.request.spec
        variant = f" of {spec.ref}" if spec.variant else ""
        platform = f" on {self.asking.platform}" if len(spec.platforms) > 1 else ""
        return f"{self.asking.request.environment.name}{variant}{platform}"

    def _short(self) -> str:
        faults, conflicts = self.search.faults, self.search.conflicts
        if len(faults) == 1:
            return f"`{faults[0].line}` {faults[0].short}"
        if faults:
            return f"{listed([f'`{fault.line}`' for fault in faults])} are not to be had"
        return self._conflicting(conflicts[0]) if conflicts else "see the reason below"

    def _conflicting(self, conflict: Conflict) -> str:
        lines = [f"`{line}`" for line in conflict.lines]
        if len(lines) > 4:
            lines = [*lines[:3], f"{len(lines) - 3} more lines"]
        derivation = self.search.derivations[0]
        if len(lines) > 1:
            return f"{listed(lines)} cannot be had together"
        if conflict.virtual:
            return f"{lines[0]} cannot be had on the machine that the image declares"
        if not derivation.clash:
            return f"{lines[0]} cannot be had"
        needs = listed([needed(crux.name, crux.demands[-1].texts) for crux in cruces(derivation)[:3]])
        return f"{lines[0]} needs {needs}, which is not to be had"

    def _where(self, places: Origins) -> str:
        if not self.search.conflicts:
            return str(self.asking.request.environment.file)
        return str(places.of_conda(self.search.conflicts[0].lines[-1]))

    def _fix(self) -> str:
        found = self.search.mends
        on_machine = any(conflict.virtual for conflict in self.search.conflicts)
        if self.asking.source.id.kind == "kit" and not (found and on_machine):
            anew = f"make the kit anew for {self.asking.request.spec.ref} as it is defined now"
            return f"{anew}, or {found[0]}" if found else anew
        if found:
            return str(found[0])
        lines = [f"`{line}`" for conflict in self.search.conflicts for line in conflict.lines]
        several = (
            f"change more than one of {listed(lines[:6])}" if len(lines) > 1 else "ask for something else"
        )
        asked = f"in {self.asking.budget.used} questions to the solver" if self.asking.budget.used else ""
        return f"{several}: no single change that helps was found {asked}".rstrip()

    def _detail(self) -> list[str]:
        reason = self._reason()
        helps = self._helps()
        most = max(_LINES - len(helps), 8)
        shown = reason if len(reason) <= most else [*reason[: most - 1], "..."]
        return [*shown, *helps]

    def _reason(self) -> list[str]:
        lines: list[str] = []
        for fault in self.search.faults:
            more = f"; {fault.more}" if fault.more else ""
            lines += wrapped(f"{self.search.place(fault.line)}: `{fault.line}` {fault.short}{more}")
        told_here = self.search.conflicts[len(self.search.faults) :]
        for conflict, derivation in zip(told_here, self.search.derivations, strict=True):
            lines += self._told(conflict, derivation)
        return lines or self._own_words(self.said)

    def _told(self, conflict: Conflict, derivation: Derivation) -> list[str]:
        found = told(conflict.lines, derivation, self.asking, self.search.pool, self.search.place)
        if found:
            return found
        asked = [
            text for line in conflict.lines
            for text in wrapped(f"{self.search.place(line)} asks for `{line}`")
        ]  # fmt: skip
        return [*asked, *self._own_words(self._said_of(conflict))]

    def _said_of(self, conflict: Conflict) -> str:
        try:
            return self.asking.said(conflict.lines).removeprefix(_PREAMBLE).strip() or self.said
        except (Spent, GatewayError, FetchRepoDataError):  # as in `explain`
            return self.said

    def _own_words(self, said: str) -> list[str]:
        lines = said.splitlines()
        more = ["..."] if len(lines) > _OWN_WORDS else []
        return ["The solver's own words:", *lines[:_OWN_WORDS], *more]

    def _helps(self) -> list[str]:
        lines: list[str] = []
        if self.search.mends:
            lines = ["What helps (each was tried):"]
            for mend in self.search.mends:
                lines += wrapped(f"- {mend}", 0)
        if self.asking.source.id.kind == "kit" and self.search.faults:
            lines += wrapped("A kit holds what it was made for; with another definition it is made anew.")
        if self.asking.budget.ran_out:
            lines += wrapped(f"The search was stopped after {self.asking.budget.used} tries.")
        if not self.search.proven:
            lines += wrapped("So some of the lines named above may have no part in it.")
        return lines
