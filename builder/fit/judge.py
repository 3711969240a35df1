"""An image held against its `targets:`, before anything is fetched: refused, allowed, or worth a word.

Pure and quick: tables, the definition, and the lock where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from builder.errors import LockError
from builder.fit.checks import base_findings, driver_findings, gpu_findings, lacks, python_findings
from builder.fit.chosen import chosen
from builder.fit.lines import reach
from builder.fit.model import Chosen, Finding
from builder.fit.wants import Wants, elsewhere, wants
from builder.lock.model import LockSet
from builder.progress import Note, Observer, silent
from builder.spec.findings import Judged, refusal, rows, sort_out, tell
from builder.spec.model import FitCheck, ImageSpec, Platform, Targets


def fit(
    spec: ImageSpec, lock: LockSet | None, platform: Platform | None = None, *, any_build: bool = False
) -> tuple[Finding, ...]:
    """Everything that will not run as declared, allowed or not.

    lock: None before there is one; then pins of the definition count, for platform (default: the first declared), and
    any_build says that wheels come from an index that was named and may be any build of a release.
    Raises UsageError for a GPU or a driver that is none, which reading a definition does before.
    """
    wanted = _platform(spec, lock, platform)
    found: dict[tuple[str, str], Finding] = {}
    taken = chosen(spec, lock, wanted, any_build=any_build)
    torch = any(one.torch for one in taken)
    for one in taken:
        for finding in _findings(spec, one, wants(spec, wanted, one.python), torch=torch):
            found.setdefault(
                (finding.check, finding.package), finding
            )  # environments say it before the declaration: they know more
    return tuple(found.values())


def judge(
    spec: ImageSpec, lock: LockSet | None, platform: Platform | None = None, *, any_build: bool = False
) -> Judged[Finding]:
    """The findings, sorted into what is refused and what image.yml allows."""
    found = fit(spec, lock, platform, any_build=any_build)
    notes = _notes(spec, lock, _platform(spec, lock, platform))
    # A definition alone does not tell all, so that an allowance may still be needed.
    return sort_out(found, spec.allow, get_args(FitCheck) if lock is not None else (), notes)


def check_fit(
    spec: ImageSpec,
    lock: LockSet | None,
    platform: Platform | None = None,
    observer: Observer = silent,
    *,
    any_build: bool = False,
) -> None:
    """Tell what is allowed and what is not known. Raises LockError for what will not run as declared."""
    judged = judge(spec, lock, platform, any_build=any_build)
    if judged.faults:
        raise refused(judged.faults, spec)
    tell(spec.ref, judged.allowed, judged.unneeded, observer)
    for note in judged.notes:
        observer(Note(f"{spec.ref}: {note}"))


def refused(faults: tuple[Finding, ...], spec: ImageSpec) -> LockError:
    """The error for findings that nothing allows, each with its row below."""
    lines = (line for fault in faults for line in _rows(fault))
    return refusal(f"{spec.ref} will not run as declared", faults, spec, lines)


class Coverage(NamedTuple):
    """Whether an image runs on a GPU, as far as the tables say; because: in one sentence."""

    runs: Literal["yes", "no", "unknown"]
    because: str


def coverage(spec: ImageSpec, lock: LockSet | None, gpu: str, platform: Platform | None = None) -> Coverage:
    """Whether an image would run on one more GPU. Raises UsageError for one that is none."""
    plain = spec.model_copy(update={"targets": Targets(gpus=(gpu,))})
    found = fit(plain, lock, platform)
    if found:
        return Coverage("no", found[0].what)
    where = _platform(spec, lock, platform)
    told = [one for one in chosen(plain, lock, where) if one.lines or one.torch]
    if not told:
        return Coverage("no", "nothing for CUDA is declared or locked in it")
    sure = [one for one in told if _runs(one, wants(plain, where))]
    if sure and not any(one.torch and one not in sure for one in told):
        return Coverage("yes", sure[0].because)
    return Coverage(
        "unknown", next(iter(_notes(plain, lock, where)), "its definition does not tell which build it takes")
    )


def _runs(one: Chosen, wanted: Wants) -> bool:
    if one.torch and one.wheel:
        return bool(one.rows) and all(
            row.cover(gpu.capability) != "none" for row in one.rows for gpu in wanted.gpus.values()
        )
    return bool(one.lines) and all(
        reach(line, gpu) == "compiles" for line in one.lines for gpu in wanted.gpus.values()
    )


def _findings(spec: ImageSpec, one: Chosen, wanted: Wants, *, torch: bool) -> Iterator[Finding]:
    yield from gpu_findings(one, wanted, torch=torch)
    yield from driver_findings(one, wanted)
    yield from python_findings(one, wanted)
    yield from base_findings(spec, one)


def _notes(spec: ImageSpec, lock: LockSet | None, platform: Platform) -> Iterator[str]:
    """What the tables cannot say of declared GPUs, or say with a limit."""
    wanted = wants(spec, platform)
    names = ", ".join(wanted.gpus)
    for one in chosen(spec, lock, platform) if names else ():
        if one.torch and one.wheel and not one.rows and lock is not None:
            yield (
                f"the tables know no build of {one.torch} for {platform}, so whether it runs on {names} is not known "
                "(`imgbuild data refresh torch`)"
            )
        if one.torch and not one.wheel:
            yield f"what {one.torch} of conda is compiled for is not in the tables, so only its CUDA line was looked at"
        for name, gpu in wanted.gpus.items():
            other = elsewhere(one.rows, gpu, wanted) if lacks(one, gpu) else None
            if other is not None:
                yield f"{name} ({gpu.compute}) runs {one.torch} as built for {other}, and not as built for {platform}"
            if one.rows and all(row.cover(gpu.capability) == "jit" for row in one.rows):
                yield f"{name} ({gpu.compute}) has only PTX in {one.torch}, which the driver compiles at first use"


def _platform(spec: ImageSpec, lock: LockSet | None, asked: Platform | None) -> Platform:
    return lock.platform if lock is not None else asked or spec.platforms[0]


def _rows(fault: Finding) -> list[str]:
    place = f" [{fault.environment}]" if fault.environment else ""
    return rows(fault, f"{fault.package}{place}", 9)
