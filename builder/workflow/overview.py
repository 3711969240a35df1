"""What there is: one row per image, from files alone. Missing and stale locks are told, not raised."""

from builder.errors import ImgbuildError
from builder.fit.judge import judge as judge_fit
from builder.lock.cuda.judge import judge
from builder.lock.files import read_lock
from builder.lock.source import Source
from builder.lock.stale import stale_reasons
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.values import Value
from builder.workflow import records
from builder.workflow.platforms import host_platform
from builder.workflow.sources import choose


class Row(Value):
    """One image. lock is `fresh`, `missing`, `stale: why` or `refused: why`; proven is when and how.

    `in part`: tests were left out.
    """

    name: str
    summary: str
    base: str
    platforms: tuple[str, ...]
    source: str
    lock: str
    proven: str


def overview(project: Project, specs: list[ImageSpec], kit: str | None = None) -> list[Row]:
    """One row per image, in the order given."""
    return [_row(project, spec, kit) for spec in specs]


def _row(project: Project, spec: ImageSpec, kit: str | None) -> Row:
    source, trouble = _source(project, spec, kit)
    return Row(
        name=spec.ref,
        summary=spec.summary,
        base=spec.base.key,
        platforms=spec.platforms,
        source=source.id.label[:16] if source else "?",
        lock=_lock(spec, source) if source else trouble,
        proven=_proven(project, spec),
    )


def _source(project: Project, spec: ImageSpec, kit: str | None) -> tuple[Source | None, str]:
    try:
        return choose(project, spec.ref, kit), ""
    except ImgbuildError as error:
        return None, error.what


def _lock(spec: ImageSpec, source: Source) -> str:
    platform = host_platform() if host_platform() in spec.platforms else spec.platforms[0]
    try:
        source.check_locks(spec)
        lock = read_lock(spec, platform, source.lock_folder(spec), missing_ok=True)
        reasons = stale_reasons(spec, lock, source) if lock else ()
    except ImgbuildError as error:
        return f"unreadable: {error.what}"
    if lock is None:
        return "missing"
    if reasons:
        return f"stale: {'; '.join(reasons)}"
    faults = [one.what for one in judge(lock, spec).faults] + [
        one.what for one in judge_fit(spec, lock).faults
    ]
    return f"refused: {faults[0]}" if faults else "fresh"


def _proven(project: Project, spec: ImageSpec) -> str:
    record = records.read(project, spec.ref)
    if record is None:
        return "not built"
    if record.verdict is None:
        return "not proven"
    if record.verdict.passed and "cpu" in record.verdict.not_proven:
        return f"in part {record.finished[:10]}"
    return f"{'passed' if record.verdict.passed else 'FAILED'} {record.finished[:10]}"
