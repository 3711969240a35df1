"""A whole lock held against its definition: what is refused, what image.yml allows, what is worth a word.

Pure and quick, so that it is asked again whenever a lock is read: an allowance that was taken back counts at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from builder.errors import LockError
from builder.lock.cuda.findings import cuda_findings, floating_note, majors_note
from builder.lock.cuda.line import Line, of_version
from builder.lock.cuda.model import Finding
from builder.lock.cuda.replaced import replaced
from builder.lock.model import LockSet
from builder.progress import Note, Observer, silent
from builder.spec.findings import Judged, refusal, rows, sort_out, tell
from builder.spec.model import ImageSpec, LockCheck


def findings(lock: LockSet, spec: ImageSpec) -> Iterator[Finding]:
    """Everything that is not as declared, environment by environment."""
    declared = declared_line(spec)
    for environment in lock.environments:
        if declared is not None:
            yield from cuda_findings(environment, declared)
        yield from replaced(environment)


def judge(lock: LockSet, spec: ImageSpec) -> Judged[Finding]:
    """The findings, sorted into what is refused and what image.yml allows."""
    return sort_out(findings(lock, spec), spec.allow, get_args(LockCheck), _notes(lock, spec))


def check_truth(lock: LockSet, spec: ImageSpec, observer: Observer = silent) -> None:
    """Tell what is allowed and what is worth a word. Raises LockError for what is neither as declared nor allowed."""
    judged = judge(lock, spec)
    if judged.faults:
        raise _refused(judged.faults, lock, spec)
    tell(spec.ref, judged.allowed, judged.unneeded, observer, f" on {lock.platform}")
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
    several = len(lock.environments) > 1
    says = f"the packages of {spec.ref} for {lock.platform} are not what is declared"
    return refusal(says, faults, spec, (line for fault in faults for line in _rows(fault, several=several)))


def _rows(fault: Finding, *, several: bool) -> list[str]:
    place = f" [{fault.environment}]" if several else ""
    return rows(fault, f"{fault.package}{place}", 10)
