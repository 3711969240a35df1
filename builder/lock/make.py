"""Making the lock of one image for one platform: solve, resolve, and look at the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from builder.errors import LockError
from builder.lock.apt.packages import AptPackages, ResolveApt
from builder.lock.check import faults
from builder.lock.inputs import apt_lines, digest_of_lines, input_lines
from builder.lock.model import (
    CondaPackage,
    EnvironmentLock,
    LockedBase,
    LockedFile,
    LockSet,
    PipPackage,
)
from builder.lock.resolve import resolve_uv, resolve_wheels
from builder.lock.solve import solve_environment
from builder.lock.source import Source
from builder.lock.target import Target
from builder.lock.terms import check_channels, check_urls
from builder.lock.urls import recorded
from builder.progress import Observer, StepAdvanced, StepFinished, StepStarted
from builder.spec.model import CondaEnvironment, ImageSpec, Platform

Packages = TypeVar("Packages", bound=Sequence[object])


def make_lock(
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    observer: Observer,
    resolve_apt: ResolveApt | None = None,
) -> LockSet:
    """Solve every environment of the image against the source, and its OS packages inside its base.

    resolve_apt: who can ask the base; needed for `apt:` with packages that the base is not known to hold.
    Raises LockError for what cannot be locked (no installer, OS packages without somebody to ask, channels whose
    terms are not accepted) before anything is asked, and for what nothing satisfies.
    """
    asked = _asked_of_apt(spec, platform, source, resolve_apt)
    check_channels(spec, source)
    installer = source.installer(spec, platform)
    base = _base(spec, platform, source)
    apt = resolve_apt(spec, platform, base) if asked and resolve_apt else AptPackages()
    environments = tuple(
        _environment(environment, spec, platform, source, observer) for environment in spec.environments
    )
    lock = LockSet(
        image=spec.ref,
        platform=platform,
        source=source.id,
        base=base,
        installer=installer,
        environments=environments,
        uv=_uv(environments, spec, platform, source, observer),
        apt=apt.packages,
        apt_inputs=apt_lines(spec),
        apt_releases=apt.releases,
    )
    _check(lock, spec)
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
    environment: CondaEnvironment, spec: ImageSpec, platform: Platform, source: Source, observer: Observer
) -> EnvironmentLock:
    name = environment.name
    conda = _step(
        observer,
        f"solve:{name}",
        f"solve {name}",
        lambda: solve_environment(environment, spec, platform, source),
    )
    check_urls(spec, [package.url for package in conda], str(environment.file), source)
    wheels: tuple[PipPackage, ...] = ()
    if environment.pip:
        target = _target(environment, conda, spec, platform)
        wheels = _step(
            observer,
            f"resolve:{name}",
            f"resolve the pip section of {name}",
            lambda: resolve_wheels(environment, conda, target, source),
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


def _target(
    environment: CondaEnvironment, conda: Sequence[CondaPackage], spec: ImageSpec, platform: Platform
) -> Target:
    python = next((package for package in conda if package.name == "python"), None)
    if python is None:
        raise LockError(
            f"{environment.name} has a pip section, and its conda part brings no python",
            where=str(environment.file),
            fix="add python to dependencies:",
        )
    return Target(python.version, platform, spec.base.glibc, free_threaded=_free_threaded(python.build))


def _free_threaded(build: str) -> bool:
    """conda-forge's `h..._0_cp314t` builds have no interpreter lock, and take wheels of their own."""
    return build.rpartition("_")[2].startswith("cp") and build.endswith("t")


def _uv(
    environments: Sequence[EnvironmentLock],
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    observer: Observer,
) -> LockedFile | None:
    """The tool that installs wheels, where there are wheels to install."""
    python = next((environment.python for environment in environments if environment.pip), None)
    if python is None:
        return None
    target = Target(python, platform, spec.base.glibc)
    with _shown(observer, "resolve:uv", "resolve uv"):
        return resolve_uv(target, source)


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
