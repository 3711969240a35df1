"""The lock an image is built from: read, never solved in passing."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from builder.errors import LockError
from builder.lock.files import read_lock, write_lock
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.lock.stale import stale_reasons
from builder.lock.terms import check_channels, check_lock
from builder.progress import Note, Observer
from builder.shipped import is_packaged
from builder.spec.model import ImageSpec, Platform
from builder.store.upstream import Upstream

_OWN_PROJECT = "copy the environment's folder into envs/ of a project of your own and lock it there"


def current_lock(
    spec: ImageSpec, platform: Platform, source: Source, *, locked: bool, observer: Observer
) -> LockSet:
    """The lock of this image in this source, known to be fresh.

    A missing lock of the upstream is made once, and said so, unless `locked` is set or the variable CI is.
    Raises LockError when it is missing then, stale, missing from a kit, or names channels whose terms the
    definition does not accept.
    """
    folder = source.lock_folder(spec)
    source.check_locks(spec)
    lock = read_lock(spec, platform, folder, missing_ok=True)
    if lock is None:
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
    """Solve, resolve and write the lock of one image for one platform."""
    from builder.lock.make import make_lock
    from builder.workflow.os_packages import resolving

    _refuse_packaged(spec, source)
    check_channels(spec, source)
    if isinstance(source, Upstream):
        source = _ready(source, _base_before(spec, platform, source), observer)
    lock = make_lock(spec, platform, source, observer, resolving(source, observer))
    _keep(lock, spec, source.lock_folder(spec))
    return lock


def _keep(lock: LockSet, spec: ImageSpec, folder: Path) -> None:
    try:
        write_lock(lock, folder, spec)
    except OSError as error:
        raise LockError(
            f"the lock of {spec.ref} cannot be written: {error.strerror}", where=str(folder), fix=_OWN_PROJECT
        ) from error


def _refuse_packaged(spec: ImageSpec, source: Source) -> None:
    """The shipped environments of an installed imgbuild are nobody's to lock."""
    if source.id.kind != "kit" and is_packaged(spec.folder):
        raise LockError(
            f"{spec.ref} came with imgbuild and has no lock", where=str(spec.folder), fix=_OWN_PROJECT
        )


def _ready(source: Upstream, before: str, observer: Observer) -> Upstream:
    """The upstream with a registry to ask for digests, and with the given installer at hand and checked."""
    from builder.workflow.installers import bring_installer
    from builder.workflow.registry import asking

    given = source.given and bring_installer(source.given, source, observer)
    resolve = asking(before, observer)
    return dataclasses.replace(source, given=given, resolve_digest=resolve, observer=observer)


def _base_before(spec: ImageSpec, platform: Platform, source: Source) -> str:
    try:
        lock = read_lock(spec, platform, source.lock_folder(spec), missing_ok=True)
    except LockError:
        return ""  # making it anew is the mend for a lock that cannot be read
    return lock.base.ref if lock else ""


def _mend(spec: ImageSpec, source: Source) -> str:
    if source.id.kind == "kit":
        return f"make the kit anew with `imgbuild kit bootstrap DIR {spec.name}`"
    return f"run `imgbuild lock {spec.ref}` and commit the result"
