"""An audit for people: the table of extensions and GPUs, and below it what is wrong, why, and what to do."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from builder.audit.model import Audit, AuditFinding, Fit, Row
from builder.audit.tables import cuda_name
from builder.report.columns import GAP, table
from builder.report.plain import one_line

_WORST: tuple[Fit, ...] = ("fails", "partly", "jit", "runs")
_MEANS = {
    "fails": "no code for it",
    "partly": "works without some functions",
    "jit": "PTX only, compiled there at the first start",
}
_TITLES = {"fault": "FAULT", "warning": "warning", "note": "note"}
_LEAST = 24  # columns that the names of extensions need to be read
_NARROWEST = 30
Fits = Mapping[str, Fit]


def audit_text(audit: Audit, *, color: bool, width: int, every: bool = False) -> str:
    """The whole report. every: a row for each file, notes and sources as well; else rows that say the same are one."""
    parts = [_wrapped(_head(audit), width)]
    if audit.rows and audit.gpus:
        parts.append(_extensions(audit, every, color, width))
    shown = [one for one in audit.findings if every or one.weight != "note"]
    parts += ["\n".join(_finding(one, width, every)) for one in shown]
    parts += [
        _wrapped(f"allowed  {one.check}  {one.what}. Reason: {why.reason}", width)
        for one, why in audit.allowed
    ]
    parts += [
        _wrapped(f"`allow:` of {one.check} for {one.package} is no longer needed", width)
        for one in audit.unneeded
    ]
    if audit.unread:
        path, why = next(iter(audit.unread.items()))
        count = _count(len(audit.unread), "file")
        parts.append(_wrapped(f"{count} could not be read, such as {path}: {why}", width))
    parts.append(_wrapped(_verdict(audit, len(audit.findings) - len(shown)), width))
    return "\n\n".join(parts)


def _head(audit: Audit) -> str:
    torch = f", torch {audit.torch} (CUDA {audit.cuda or 'none'})" if audit.torch else ""
    how = {"image": "from inside", "layers": "from its layers", "archives": "from the lock's archives"}
    head = f"{audit.image}: {audit.files} compiled files read {how[audit.reading]} in {audit.seconds:.1f} s{torch}"
    base = "; which libraries the base brings is judged in the built image"
    return head + (base if audit.reading == "archives" else "")


def _extensions(audit: Audit, every: bool, color: bool, width: int) -> str:
    """The table; below it what its words mean. Where it is too wide, a few lines for each extension."""
    rows = [(_named(row), row.fits) for row in audit.rows] if every else list(_folded(audit.rows))
    names = [gpu.upper() for gpu in audit.gpus]
    room = width - sum(len(GAP) + max(len(name), len("partly")) for name in names)
    if room < min(_LEAST, max(len(name) for name, _ in rows)):
        text = "\n".join(line for name, fits in rows for line in _in_lines(name, fits, width))
    else:
        cells = [[name, *(fits[gpu] for gpu in audit.gpus)] for name, fits in rows]
        text = table(["EXTENSION", *names], cells, color=color, width=width)
    said = {fit for _, fits in rows for fit in fits.values()}
    means = "; ".join(f"{fit}: {_MEANS[fit]}" for fit in _WORST if fit in said and fit in _MEANS)
    return f"{text}\n\n{_wrapped(means, width)}" if means else text


def _in_lines(name: str, fits: Fits, width: int) -> Iterator[str]:
    yield _wrapped(name, width)
    for fit in _WORST:
        gpus = [gpu for gpu, found in fits.items() if found == fit]
        if gpus:
            yield _wrapped(f"  {fit}: {' '.join(gpus)}", width)


def _named(row: Row) -> str:
    return f"{row.package}: {posixpath.basename(row.file) if row.file else row.note}"


def _folded(rows: Sequence[Row]) -> Iterator[tuple[str, Fits]]:
    """A row for each package, with the worst of its files; NVIDIA's own libraries that say the same are one."""
    packages: dict[str, list[Row]] = {}
    for row in rows:
        packages.setdefault(row.package, []).append(row)
    nvidias: dict[tuple[tuple[str, Fit], ...], list[str]] = {}
    for package, mine in packages.items():
        fits = {gpu: min((row.fits[gpu] for row in mine), key=_WORST.index) for gpu in mine[0].fits}
        if all(cuda_name(posixpath.basename(row.file)) for row in mine):
            nvidias.setdefault(tuple(fits.items()), []).append(package)
        else:
            yield package, fits
    for same, names in nvidias.items():
        yield names[0] if len(names) == 1 else f"{len(names)} packages of NVIDIA's", dict(same)


def _finding(one: AuditFinding, width: int, every: bool) -> Iterator[str]:
    yield _wrapped(f"{_TITLES[one.weight]}  {one.check}  {one.what}", width)
    yield _wrapped(f"  why: {one.cause}", width)
    yield _wrapped(f"  fix: {one.fix}", width)
    if every and one.source:
        yield _wrapped(f"  source: {one.source}", width)
    if every and one.file:
        yield f"  file: {one_line(one.file)}"


def _wrapped(text: str, width: int) -> str:
    """Folded; names of files, symbols and labels are whatever an image says they are."""
    start = len(text) - len(text.lstrip())
    return textwrap.fill(
        one_line(text),
        max(width, _NARROWEST),
        subsequent_indent=" " * (start + 5),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(audit: Audit, hidden: int) -> str:
    faults = sum(one.weight == "fault" for one in audit.findings)
    warnings = sum(one.weight == "warning" for one in audit.findings)
    counts = f"{_count(faults, 'fault')}, {_count(warnings, 'warning')}"
    notes = f", {_count(hidden, 'note')} (-v shows them)" if hidden else ""
    declared = (
        "" if audit.gpus else "; no GPU is declared, so none was judged (targets: in image.yml, or --gpu)"
    )
    return f"{'passed' if audit.passed else 'not passed'}: {counts}{notes}{declared}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
