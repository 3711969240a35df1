"""The lock an image is built from: read, never solved in passing."""

from __future__ import annotations

import os

from builder.errors import LockError
from builder.fit.judge import check_fit
from builder.lock.cuda.judge import check_truth
from builder.lock.files import read_lock
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.lock.stale import stale_reasons
from builder.lock.terms import check_lock
from builder.progress import Note, Observer
from builder.spec.model import ImageSpec, Platform
from builder.workflow.fitting import names_index


def current_lock(
    spec: ImageSpec, platform: Platform, source: Source, *, locked: bool, observer: Observer
) -> LockSet:
    """The lock of this image in this source, known to be fresh.

    A missing lock of the upstream is made once, and said so, unless `locked` is set or the variable CI is.
    Raises LockError when it is missing then, stale, missing from a kit, names channels whose terms the
    definition does not accept, is not what it declares (an allowance was taken back), or will not run where it is
    meant to.
    """
    folder = source.lock_folder(spec)
    source.check_locks(spec)
    lock = read_lock(spec, platform, folder, missing_ok=True)
    if lock is None:
        check_fit(spec, None, platform, any_build=names_index(source))
        lock = _made_once(
            spec, platform, source, locked=locked or bool(os.environ.get("CI")), observer=observer
        )
    reasons = stale_reasons(spec, lock, source)
    if reasons:
        raise LockError(
            f"the lock of {spec.ref} is stale: {'; '.join(reasons)}",
            where=str(folder),
            fix=_mend(spec, source),
        )
    check_lock(spec, lock, source)
    check_truth(lock, spec)
    check_fit(spec, lock)
    return lock


def _made_once(
    spec: ImageSpec, platform: Platform, source: Source, *, locked: bool, observer: Observer
) -> LockSet:
    folder = source.lock_folder(spec)
    if source.id.kind == "kit" or locked:
        raise LockError(f"{spec.ref} has no lock for {platform}", where=str(folder), fix=_mend(spec, source))
    observer(Note(f"{spec.ref} has no lock yet: making one in {folder} (commit it)"))
    return make_and_write(spec, platform, source, observer)


def make_and_write(spec: ImageSpec, platform: Platform, source: Source, observer: Observer) -> LockSet:
    """Solve, resolve and write the lock of one image for one platform. Raises LockError."""
    from builder.workflow.relock import NOTHING_MOVES, relock

    outcome = relock(spec, [platform], source, NOTHING_MOVES, observer)
    for _, error in outcome.failed:
        raise error
    return outcome.made[0].after


def _mend(spec: ImageSpec, source: Source) -> str:
    if source.id.kind == "kit":
        return f"make the kit anew, with {spec.ref} in it: imgbuild kit create (or bootstrap)"
    return f"run `imgbuild lock {spec.ref}` and commit the result"
