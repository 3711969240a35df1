"""A whole lock held against its definition: what is refused, what image.yml allows, what is worth a word.

Pure and quick, so that it is asked again whenever a lock is read: an allowance that was taken back counts at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from builder.errors import LockError
from builder.lock.cuda.findings import cuda_findings, floating_note, majors_note
from builder.lock.cuda.line import Line, of_version
from builder.lock.cuda.model import Finding, Judged
from builder.lock.cuda.replaced import replaced
from builder.lock.model import LockSet
from builder.progress import Note, Observer, silent
from builder.spec.model import Check, ImageSpec


def findings(lock: LockSet, spec: ImageSpec) -> Iterator[Finding]:
    """Everything that is not as declared, environment by environment."""
    declared = declared_line(spec)
    for environment in lock.environments:
        if declared is not None:
            yield from cuda_findings(environment, declared)
        yield from replaced(environment)


def judge(lock: LockSet, spec: ImageSpec) -> Judged:
    """The findings, sorted into what is refused and what image.yml allows."""
    faults: list[Finding] = []
    allowed = []
    for finding in findings(lock, spec):
        allowance = next((one for one in spec.allow if finding.is_allowed_by(one)), None)
        if allowance is None:
            faults.append(finding)
        else:
            allowed.append((finding, allowance))
    used = {(allowance.check, allowance.package) for _, allowance in allowed}
    unneeded = tuple(
        one for one in spec.allow if one.check in get_args(Check) and (one.check, one.package) not in used
    )
    return Judged(
        faults=tuple(faults), allowed=tuple(allowed), unneeded=unneeded, notes=tuple(_notes(lock, spec))
    )


def check_truth(lock: LockSet, spec: ImageSpec, observer: Observer = silent) -> None:
    """Tell what is allowed and what is worth a word. Raises LockError for what is neither as declared nor allowed."""
    judged = judge(lock, spec)
    if judged.faults:
        raise _refused(judged.faults, lock, spec)
    for finding, allowance in judged.allowed:
        observer(Note(f"{spec.ref}: allowed ({finding.check}): {finding.what}. Reason: {allowance.reason}"))
    for allowance in judged.unneeded:
        observer(
            Note(
                f"{spec.ref}: `allow:` of {allowance.check} for {allowance.package} is no longer needed "
                f"on {lock.platform}"
            )
        )
    for note in judged.notes:
        observer(Note(f"{spec.ref}: {note}"))


def declared_line(spec: ImageSpec) -> Line | None:
    """What `cuda:` says; None where it is not declared."""
    return of_version(spec.cuda) if spec.cuda else None


def _notes(lock: LockSet, spec: ImageSpec) -> Iterator[str]:
    declared = declared_line(spec)
    for environment in lock.environments:
        if declared is None:
            yield from majors_note(environment)
        else:
            yield from floating_note(environment, declared)


def _refused(faults: tuple[Finding, ...], lock: LockSet, spec: ImageSpec) -> LockError:
    first, several = faults[0], len(lock.environments) > 1
    example = f'{{check: {first.check}, package: {first.package}, reason: "..."}}'
    more = f", and {len(faults) - 1} more below" if len(faults) > 1 else ""
    return LockError(
        f"the packages of {spec.ref} for {lock.platform} are not what is declared: {first.what}{more}",
        where=str(spec.folder / "image.yml"),
        fix=f"mend it as below, or allow it in image.yml with a reason: allow: [{example}]",
        detail="\n".join(line for fault in faults for line in _rows(fault, several=several)),
    )


def _rows(fault: Finding, *, several: bool) -> list[str]:
    place = f" [{fault.environment}]" if several else ""
    return [
        f"{fault.check:<10}  {fault.package}{place}: {fault.what}",
        f"{'':<10}  why: {fault.cause}",
        f"{'':<10}  fix: {fault.fix}",
    ]
