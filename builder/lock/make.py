"""Making the lock of one image for one platform: solve, resolve, and look at the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from builder.errors import LockError
from builder.lock.apt.packages import AptPackages, ResolveApt
from builder.lock.check import faults
from builder.lock.cuda.judge import check_truth
from builder.lock.inputs import apt_lines, digest_of_lines, in_one_order, input_lines
from builder.lock.kept import NOTHING_KEPT, Held, Kept
from builder.lock.model import (
    EnvironmentLock,
    LockedBase,
    LockedFile,
    LockSet,
    PipPackage,
)
from builder.lock.resolve import resolve_uv
from builder.lock.solve import solve_environment
from builder.lock.source import Source
from builder.lock.target import Target
from builder.lock.terms import check_channels, check_urls
from builder.lock.urls import recorded
from builder.lock.wheels import wheels_for
from builder.progress import Observer, StepAdvanced, StepFinished, StepStarted
from builder.spec.model import CondaEnvironment, ImageSpec, Platform

Packages = TypeVar("Packages", bound=Sequence[object])


def make_lock(
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    observer: Observer,
    *,
    kept: Kept = NOTHING_KEPT,
    resolve_apt: ResolveApt | None = None,
) -> LockSet:
    """Solve every environment and the OS packages of the image, around what is kept of the lock before.

    resolve_apt: who can ask the base; needed for `apt:` with packages that the base is not known to hold.
    Raises LockError for what cannot be locked (no installer, OS packages without somebody to ask, channels whose
    terms are not accepted) before anything is asked, for what nothing satisfies, and for a set that is not what
    the definition declares (`builder.lock.cuda`).
    """
    asked = _asked_of_apt(spec, platform, source, resolve_apt)
    check_channels(spec, source)
    installer = source.installer(spec, platform)
    base = _base(spec, platform, source)
    apt = kept.apt(apt_lines(spec), base) or (
        resolve_apt(spec, platform, base) if asked and resolve_apt else AptPackages()
    )
    held = [kept.environment(one.name, first=not number) for number, one in enumerate(spec.environments)]
    environments = tuple(
        _environment(in_one_order(environment), spec, platform, source, observer, held[number])
        for number, environment in enumerate(spec.environments)
    )
    lock = LockSet(
        image=spec.ref,
        platform=platform,
        source=source.id,
        base=base,
        installer=installer,
        environments=environments,
        uv=_uv(environments, spec, platform, source, observer, held[0]),
        apt=apt.packages,
        apt_inputs=apt_lines(spec),
        apt_releases=apt.releases,
    )
    _check(lock, spec)
    check_truth(lock, spec, observer)
    return lock


def _asked_of_apt(
    spec: ImageSpec, platform: Platform, source: Source, resolve_apt: ResolveApt | None
) -> list[str]:
    """The OS packages that somebody has to resolve; refuses what cannot be locked at all."""
    where = str(spec.folder / "image.yml")
    if spec.installer is None:
        raise LockError(
            "an image without a conda installer is not supported yet",
            where=where,
            fix="name one, such as installer: miniconda=26.5.3-1",
        )
    lacking = sorted(set(spec.apt) - source.base_packages(spec, platform)) if spec.apt else []
    if lacking and resolve_apt is None:
        raise LockError(
            f"nobody can be asked for the OS packages {', '.join(lacking)}: apt of the base resolves them",
            where=where,
            fix="make the lock with `imgbuild lock`, on a machine with a container engine",
        )
    return lacking


def _base(spec: ImageSpec, platform: Platform, source: Source) -> LockedBase:
    base = source.base(spec, platform)
    if base.glibc != spec.base.glibc:
        raise LockError(
            f"the base {base.key} has glibc {base.glibc}, and its row says {spec.base.glibc}",
            where="envs/_bases.yml",
            fix="correct the row, or choose another base",
        )
    return base


def _environment(
    environment: CondaEnvironment,
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    observer: Observer,
    held: Held,
) -> EnvironmentLock:
    name = environment.name
    conda = _step(
        observer,
        f"solve:{name}",
        f"solve {name}{_where(spec, platform)}",
        lambda: solve_environment(environment, spec, platform, source, held),
    )
    check_urls(spec, [package.url for package in conda], str(environment.file), source)
    wheels: tuple[PipPackage, ...] = ()
    wheels_from = source if spec.cuda else source.on_cpu()
    if environment.pip:
        wheels = _step(
            observer,
            f"resolve:{name}",
            f"resolve the pip section of {name}{_where(spec, platform)}",
            lambda: wheels_for(environment, conda, spec, platform, wheels_from, held),
        )
    lines = input_lines(environment, spec, platform)
    return EnvironmentLock(
        name=name,
        channels=tuple(
            dict.fromkeys(recorded(source.channel_url(one), source) for one in environment.channels)
        ),
        conda=conda,
        pip=wheels,
        variables=environment.variables,
        input_digest=digest_of_lines(lines),
        inputs=lines,
    )


def _where(spec: ImageSpec, platform: Platform) -> str:
    return f" for {platform}" if len(spec.platforms) > 1 else ""


def _uv(
    environments: Sequence[EnvironmentLock],
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    observer: Observer,
    held: Held,
) -> LockedFile | None:
    """The tool that installs wheels, where there are wheels to install."""
    python = next((environment.python for environment in environments if environment.pip), None)
    if python is None:
        return None
    target = Target(python, platform, spec.base.glibc)
    with _shown(observer, "resolve:uv", "resolve uv"):
        return resolve_uv(target, source, held)


def _check(lock: LockSet, spec: ImageSpec) -> None:
    found = list(faults(lock))
    if found:
        raise LockError(
            f"what was solved for {spec.ref} cannot be locked: {found[0]}",
            where=str(spec.folder),
            fix="check the channels and the index that the source is configured with",
            detail="\n".join(found),
        )


def _step(observer: Observer, key: str, title: str, work: Callable[[], Packages]) -> Packages:
    with _shown(observer, key, title):
        found = work()
        observer(StepAdvanced(key, len(found), len(found), "packages"))
    return found


@contextmanager
def _shown(observer: Observer, key: str, title: str) -> Iterator[None]:
    """Tell the observer of a step, however it ends."""
    observer(StepStarted("lock", key, title))
    begun = time.monotonic()
    try:
        yield
    except BaseException as error:
        what = error.what if isinstance(error, LockError) else type(error).__name__
        observer(StepFinished(key, time.monotonic() - begun, error=what))
        raise
    observer(StepFinished(key, time.monotonic() - begun))
