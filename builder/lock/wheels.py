"""The pip section of an environment on top of its conda packages; a refusal is explained, with tried mends."""

from __future__ import annotations

from collections.abc import Sequence

from builder.errors import LockError
from builder.lock.explain.asking import Request
from builder.lock.explain.budget import Budget
from builder.lock.explain.pip import Answer, Section, explain
from builder.lock.gateway import Gate, opened
from builder.lock.kept import NOTHING_HELD, Held
from builder.lock.model import CondaPackage, PipPackage
from builder.lock.resolve import resolve_wheels
from builder.lock.solve import attempt_environment, channel_urls
from builder.lock.source import Source
from builder.lock.target import Target
from builder.lock.uv import UnresolvableError
from builder.spec.model import CondaEnvironment, ImageSpec, Platform

_TRIES = 40
_SECONDS = 90.0


def wheels_for(
    environment: CondaEnvironment,
    conda: Sequence[CondaPackage],
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    held: Held = NOTHING_HELD,
) -> tuple[PipPackage, ...]:
    """The wheels of the pip section; what `held` holds stays where it can.

    Raises LockError for an environment without python, and for a section that cannot be resolved.
    """
    target = target_of(environment, conda, spec, platform)
    try:
        return resolve_wheels(environment, conda, target, source, held)
    except UnresolvableError as error:
        with opened(channel_urls(environment, source)) as gate:
            section = section_of(Request(environment, spec), conda, platform, source, gate)
            raise explain(error, section).error from error


def section_of(
    request: Request, conda: Sequence[CondaPackage], platform: Platform, source: Source, gate: Gate
) -> Section:
    """A pip section, with the means to ask for it in other ways. Raises LockError for one without python."""

    def again(changed: Request) -> Answer | None:
        return _again(changed, request, conda, platform, source, gate)

    return Section(
        request=request,
        platform=platform,
        conda=tuple(conda),
        target=target_of(request.environment, conda, request.spec, platform),
        again=again,
        budget=Budget(_TRIES, _SECONDS),
        from_kit=source.id.kind == "kit",
    )


def _again(
    request: Request,
    first: Request,
    conda: Sequence[CondaPackage],
    platform: Platform,
    source: Source,
    gate: Gate,
) -> Answer | None:
    """What a changed request gives, conda's part and the wheels; None where one of them cannot be had."""
    packages: Sequence[CondaPackage] | None = conda
    if (request.environment.conda, request.spec) != (first.environment.conda, first.spec):
        packages = _solved(request, platform, source, gate)
    if packages is None:
        return None
    if not request.environment.pip:
        return Answer(tuple(packages), ())
    try:
        target = target_of(request.environment, packages, request.spec, platform)
        return Answer(tuple(packages), resolve_wheels(request.environment, packages, target, source))
    except LockError as error:
        return Answer(tuple(packages), (), error)


def _solved(
    request: Request, platform: Platform, source: Source, gate: Gate
) -> tuple[CondaPackage, ...] | None:
    try:
        return attempt_environment(request.environment, request.spec, platform, source, gate)
    except LockError:  # a channel that cannot be read now: the change cannot be tried, so it is not named
        return None


def target_of(
    environment: CondaEnvironment, conda: Sequence[CondaPackage], spec: ImageSpec, platform: Platform
) -> Target:
    """The machine that wheels are chosen for. Raises LockError for an environment without python."""
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
