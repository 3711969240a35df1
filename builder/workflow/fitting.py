"""Whether an image will run where it is meant to, asked before anything is fetched, and before an engine is."""

from __future__ import annotations

from builder.errors import LockError
from builder.fit.judge import check_fit
from builder.lock.files import read_lock
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.lock.stale import stale_reasons
from builder.spec.model import ImageSpec, Platform
from builder.workflow.platforms import host_platform


def held_lock(spec: ImageSpec, platform: Platform, source: Source) -> LockSet | None:
    """The lock that lies there; None where there is none to read, or one of another definition than the present."""
    try:
        lock = read_lock(spec, platform, source.lock_folder(spec), missing_ok=True)
        return None if lock is not None and stale_reasons(spec, lock, source) else lock
    except LockError:  # whoever needs the lock itself says so
        return None


def refuse_unfit(spec: ImageSpec, platform: Platform | None, source: Source) -> None:
    """Raise LockError for an image that its lock, or without one its definition, says will not run as declared.

    platform: None is this machine's where the image is declared for it, else the first declared one.
    """
    wanted = platform or usual_platform(spec)
    check_fit(spec, held_lock(spec, wanted, source), wanted, any_build=names_index(source))


def names_index(source: Source) -> bool:
    """Whether wheels come from where somebody said, a kit or an index, which may have any build of a release."""
    from builder.network.places import here
    from builder.network.places.uv import names_index as uv_does

    return bool(source.wheel_index()) or uv_does(here())


def usual_platform(spec: ImageSpec) -> Platform:
    """This machine's, where the image is declared for it, else the first declared one."""
    return host_platform() if host_platform() in spec.platforms else spec.platforms[0]
