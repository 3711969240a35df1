"""`lock --check`: the state of every lock, all of them and not only the first that is stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from builder.errors import ImgbuildError
from builder.fit.judge import check_fit
from builder.lock.cuda.judge import check_truth
from builder.lock.files import read_locks
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.lock.terms import check_lock
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.values import Value
from builder.workflow.changed import Line, stale_lines


class Checked(Value):
    """The lock of one image and platform. trouble: why it cannot be used, where it is `unusable`."""

    image: str
    platform: str
    status: Literal["fresh", "stale", "missing", "unusable"]
    digest: str = ""
    lines: tuple[Line, ...] = ()
    trouble: str = ""

    def __str__(self) -> str:
        told = f": {self.trouble}" if self.trouble else ""
        digest = f", lock {self.digest[:12]}" if self.digest else ""
        lines = "".join(f"\n  {line}" for line in self.lines)
        return f"{self.image} {self.platform}: {self.status}{told}{digest}{lines}"


def check_locks(
    project: Project, images: Iterable[tuple[ImageSpec, Sequence[str]]], source: Source
) -> list[Checked]:
    """One row for each image and platform, in the order given; platforms that only a lock names come after them."""
    return [row for spec, platforms in images for row in _image(project, spec, platforms, source)]


def _image(project: Project, spec: ImageSpec, platforms: Sequence[str], source: Source) -> list[Checked]:
    try:
        source.check_locks(spec)
        held: dict[str, LockSet] = dict(read_locks(spec, source.lock_folder(spec)).items())
    except ImgbuildError as error:
        return [
            Checked(image=spec.ref, platform=one, status="unusable", trouble=str(error)) for one in platforms
        ]
    extra = set(held) - set(spec.platforms) if set(platforms) == set(spec.platforms) else set()
    return [_one(project, spec, one, held.get(one), source) for one in (*platforms, *sorted(extra))]


def _one(project: Project, spec: ImageSpec, platform: str, lock: LockSet | None, source: Source) -> Checked:
    if lock is None:
        return Checked(image=spec.ref, platform=platform, status="missing")
    try:
        check_lock(spec, lock, source)
        check_truth(lock, spec)
        check_fit(spec, lock)
        lines = stale_lines(project, spec, lock, source)
    except ImgbuildError as error:
        trouble = "\n  | ".join([str(error), *error.detail.splitlines()])
        return Checked(image=spec.ref, platform=platform, status="unusable", trouble=trouble)
    status: Literal["stale", "fresh"] = "stale" if lines else "fresh"
    return Checked(image=spec.ref, platform=platform, status=status, digest=lock.digest, lines=lines)
