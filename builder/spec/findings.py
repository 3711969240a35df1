"""Findings that `allow:` of image.yml may take: what the checks of locks, of targets and of compiled files share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from builder.errors import LockError
from builder.progress import Note, Observer
from builder.spec.model import Allowance, Check, ImageSpec
from builder.values import Value


class Finding(Value):
    """One thing that is not as it is meant to be.

    package: what `allow:` names. what it is; cause: why it is so, or what says so; fix: what to do.
    """

    check: Check
    package: str
    what: str
    cause: str
    fix: str

    def is_allowed_by(self, allowance: Allowance) -> bool:
        """Whether image.yml takes it as it is."""
        return (allowance.check, allowance.package) == (self.check, self.package)


class NamedFinding(Finding):
    """One of a lock or a definition. names: whatever else `allow:` may call it. environment: whose, empty for all."""

    names: frozenset[str] = frozenset()
    environment: str = ""

    def is_allowed_by(self, allowance: Allowance) -> bool:
        """By any of its names."""
        return allowance.check == self.check and allowance.package in {self.package, *self.names}


F = TypeVar("F", bound=Finding)


@dataclass(frozen=True, slots=True)
class Judged(Generic[F]):
    """unneeded: allowances of these checks that nothing was found for. notes: for people."""

    faults: tuple[F, ...] = ()
    allowed: tuple[tuple[F, Allowance], ...] = ()
    unneeded: tuple[Allowance, ...] = ()
    notes: tuple[str, ...] = ()


def sort_out(
    found: Iterable[F], allow: Sequence[Allowance], checks: Collection[str], notes: Iterable[str] = ()
) -> Judged[F]:
    """What is refused and what image.yml allows, in the order in which it was found. checks: those that were made."""
    faults: list[F] = []
    allowed: list[tuple[F, Allowance]] = []
    for finding in found:
        allowance = next((one for one in allow if finding.is_allowed_by(one)), None)
        if allowance is None:
            faults.append(finding)
        else:
            allowed.append((finding, allowance))
    used = {(allowance.check, allowance.package) for _, allowance in allowed}
    unneeded = (one for one in allow if one.check in checks and (one.check, one.package) not in used)
    return Judged(tuple(faults), tuple(allowed), tuple(unneeded), tuple(notes))


def tell(
    ref: str,
    allowed: Iterable[tuple[Finding, Allowance]],
    unneeded: Iterable[Allowance],
    observer: Observer,
    where: str = "",
) -> None:
    """Say of an image what its image.yml allows, and what it need not allow any more. where: ` on linux/amd64`."""
    for finding, allowance in allowed:
        observer(Note(f"{ref}: allowed ({finding.check}): {finding.what}. Reason: {allowance.reason}"))
    for allowance in unneeded:
        gone = f"`allow:` of {allowance.check} for {allowance.package} is no longer needed"
        observer(Note(f"{ref}: {gone}{where}"))


def refusal(says: str, faults: Sequence[F], spec: ImageSpec, rows: Iterable[str]) -> LockError:
    """The error for findings that nothing allows. says: how the sentence begins; rows: all of them, for below."""
    first = faults[0]
    example = f'{{check: {first.check}, package: {first.package}, reason: "..."}}'
    more = f", and {len(faults) - 1} more below" if len(faults) > 1 else ""
    return LockError(
        f"{says}: {first.what}{more}",
        where=str(spec.folder / "image.yml"),
        fix=f"mend it as below, or allow it in image.yml with a reason: allow: [{example}]",
        detail="\n".join(rows),
    )


def rows(fault: Finding, title: str, width: int) -> list[str]:
    """One finding as lines in two columns. title: what stands before the sentence."""
    return [
        f"{fault.check:<{width}}  {title}: {fault.what}",
        f"{'':<{width}}  why: {fault.cause}",
        f"{'':<{width}}  fix: {fault.fix}",
    ]
