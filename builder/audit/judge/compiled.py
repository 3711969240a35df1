"""Packages that compile for the GPU while they run: there is no device code to read, so their own floor is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.version import InvalidVersion, Version

from builder.audit.judge.loaded import Environment
from builder.audit.judge.words import base, capabilities, titled
from builder.audit.model import AuditFinding, Fit, Row, Wanted
from builder.audit.tables import OptionalPart, table
from builder.gpu.tables import Compiler, Gpu, compilers
from builder.gpu.target import capability


def compiler_rows(environment: Environment, wanted: Wanted) -> Iterator[Row]:
    """A row for each that is installed."""
    seen = set()
    for one in environment.distributions:
        known = _known(one.name, one.version)
        if known is None or one.name in seen:  # conda packages are distributions as well
            continue
        seen.add(one.name)
        fits = {gpu.key: _fit(one.name, known, gpu) for gpu in wanted.gpus}
        note = f"compiles at run time, for {known.compute} and newer"
        yield Row(package=f"{one.name} {one.version}", file="", fits=fits, note=note)


def compiler_findings(rows: Sequence[Row], wanted: Wanted) -> Iterator[AuditFinding]:
    """Of each such row: GPUs that it cannot compile for, and those for which it can only in part."""
    for row in rows:
        name, _, version = row.package.partition(" ")
        known = _known(name, version)
        if row.file or known is None:
            continue
        below = [gpu for gpu in wanted.gpus if gpu.capability < capability(known.compute)]
        if below:
            yield _refused(row, known, below)
        poorly = [gpu for gpu in wanted.gpus if gpu not in below and _is_poor(known, gpu)]
        if poorly:
            yield _poorly(row, known, poorly)


def _known(name: str, version: str) -> Compiler | None:
    return next((row for row in compilers().get(name, ()) if _at_least(version, row.since)), None)


def _at_least(version: str, since: str) -> bool:
    try:
        return Version(version) >= Version(since)
    except InvalidVersion:
        return True


def _is_poor(known: Compiler, gpu: Gpu) -> bool:
    return known.warns is not None and gpu.capability < capability(known.warns)


def _part(name: str) -> OptionalPart | None:
    """The row that says that what needs it works without, too."""
    return next((row for row in table().optional_parts if (row.package, row.file) == (name, "")), None)


def _fit(name: str, known: Compiler, gpu: Gpu) -> Fit:
    if gpu.capability < capability(known.compute):
        return "partly" if _part(name) else "fails"
    return "partly" if _is_poor(known, gpu) else "runs"


def _refused(row: Row, known: Compiler, gpus: Sequence[Gpu]) -> AuditFinding:
    part = _part(base(row.package))
    leave = f"take {', '.join(gpu.key for gpu in gpus)} out of targets:"
    return AuditFinding(
        check="no-kernel",
        weight=part.weight if part else "fault",
        package=base(row.package),
        gpus=tuple(gpu.key for gpu in gpus),
        what=f"{row.package} does not compile for {titled(gpus)}"
        + (f": no {part.loses} there" if part else ""),
        cause=f"it compiles for {known.compute} and newer; {capabilities(gpus)}",
        fix=f"do without it there, or {leave}" if part else f"{leave}, or allow it with a reason",
        source=known.source,
    )


def _poorly(row: Row, known: Compiler, gpus: Sequence[Gpu]) -> AuditFinding:
    return AuditFinding(
        check="no-kernel",
        weight="warning",
        package=base(row.package),
        gpus=tuple(gpu.key for gpu in gpus),
        what=f"{row.package} works on {titled(gpus)} with parts missing, or slowly",
        cause=f"{known.why}; {capabilities(gpus)}",
        fix="nothing, where what it compiles is not used or is quick enough",
        source=known.source,
    )
