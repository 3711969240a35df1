"""The conda part of one environment, solved by rattler against the declared machine."""

from __future__ import annotations

from rattler import (
    ChannelPriority,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    PackageRecord,
    RepoDataRecord,
    Subdir,
    Version,
    solve,
)
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidUrlError,
    SolverError,
)
from rattler.package import BuildString

from builder.errors import LockError
from builder.lock.answered import answered
from builder.lock.inputs import virtual_packages
from builder.lock.model import CondaPackage
from builder.lock.source import Source
from builder.lock.urls import recorded
from builder.spec.model import CONDA_SUBDIR, CondaEnvironment, ImageSpec, Platform

_PREAMBLE = "Cannot solve the request because of: "
_LONGEST_REASON = 30  # lines; a solver's full tree helps nobody


def solve_environment(
    environment: CondaEnvironment, spec: ImageSpec, platform: Platform, source: Source
) -> tuple[CondaPackage, ...]:
    """The packages in link order, with canonical URLs.

    Raises LockError when the specs cannot be read or met, when a channel cannot be read, and when its index
    lacks a hash.
    """
    records = _solved(environment, spec, platform, source)
    if not records:
        raise LockError(
            f"the environment {environment.name} is empty: nothing was asked for",
            where=str(environment.file),
            fix="add packages to dependencies:",
        )
    _refuse_unhashed(records, environment)
    return tuple(_package(record, source) for record in _link_order(records))


def _solved(
    environment: CondaEnvironment, spec: ImageSpec, platform: Platform, source: Source
) -> list[RepoDataRecord]:
    specs = [_match_spec(line, environment, source) for line in environment.conda]
    channels = list(dict.fromkeys(source.channel_url(channel) for channel in environment.channels))
    declared = [
        GenericVirtualPackage(PackageName(package.name), Version(package.version), BuildString(package.build))
        for package in virtual_packages(spec, platform)
    ]

    async def ask() -> list[RepoDataRecord]:
        # What a channel says about its relation to others must not add channels that nobody asked for.
        return await solve(
            channels,
            specs,
            platforms=[Subdir(CONDA_SUBDIR[platform]), Subdir("noarch")],
            virtual_packages=declared,
            channel_priority=ChannelPriority.Strict,
            channel_relations="disabled",
        )

    try:
        return answered(ask())
    except SolverError as error:
        raise _unsolvable(str(error), environment, spec, source) from error
    except (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError) as error:
        raise LockError(
            f"a channel of {environment.name} cannot be read: {', '.join(environment.channels)}",
            where=str(environment.file),
            fix="check the channel's name and the network, or use a kit with --kit DIR",
            detail=str(error),
        ) from error


def _match_spec(line: str, environment: CondaEnvironment, source: Source) -> MatchSpec:
    channel, given, rest = line.partition("::")
    text = f"{source.channel_url(channel.strip())}::{rest.strip()}" if given else line
    try:
        return MatchSpec(text, strict=False)
    except (InvalidMatchSpecError, InvalidChannelError, InvalidUrlError) as error:
        raise LockError(
            f"{line!r} is not a conda spec: {str(error).splitlines()[0]}",
            where=str(environment.file),
            fix="write it as name, name=1.2 or name>=1.2,<2",
        ) from error


def _unsolvable(text: str, environment: CondaEnvironment, spec: ImageSpec, source: Source) -> LockError:
    lines = text.removeprefix(_PREAMBLE).strip().splitlines()
    reason = lines[:_LONGEST_REASON] + (["..."] if len(lines) > _LONGEST_REASON else [])
    short = lines[0].rstrip(".:") if len(lines) == 1 else "see the reason below"
    return LockError(
        f"nothing satisfies the environment {environment.name}: {short}",
        where=str(environment.file),
        fix=_mend(text, environment, spec, source),
        detail="\n".join(reason),
    )


def _mend(text: str, environment: CondaEnvironment, spec: ImageSpec, source: Source) -> str:
    if "__cuda" in text:
        line = f"higher than {spec.cuda}" if spec.cuda else 'such as "13.0"'
        return f"declare cuda: {line} in image.yml, or choose a build for the CPU"
    if "__glibc" in text:
        return f"choose a base with a glibc newer than {spec.base.glibc}, or an older version of the package"
    if source.id.kind == "kit":
        return "the kit does not hold it: make the kit anew for this environment, or loosen the specs"
    return f"check names and versions against {', '.join(environment.channels)}, or loosen the specs"


def _refuse_unhashed(records: list[RepoDataRecord], environment: CondaEnvironment) -> None:
    for kind in ("sha256", "md5"):
        lacking = sorted(record.file_name for record in records if not getattr(record, kind))
        if lacking:
            raise LockError(
                f"the channel's index has no {kind} for {', '.join(lacking)}",
                where=str(environment.file),
                fix="index the channel anew (rattler-index, conda-index), or take it from another one",
            )


def _link_order(records: list[RepoDataRecord]) -> list[RepoDataRecord]:
    # rattler's order puts what others need first, and python before pip, which need each other.
    by_name = {record.name.normalized: record for record in records}
    ordered = PackageRecord.sort_topologically(list[PackageRecord](records))
    return [by_name[record.name.normalized] for record in ordered]


def _package(record: RepoDataRecord, source: Source) -> CondaPackage:
    url = recorded(record.url, source)
    return CondaPackage(
        url=url,
        sha256=_hex(record.sha256),
        md5=_hex(record.md5),
        size=record.size,
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        subdir=record.subdir,
        channel=url.rsplit("/", 2)[0],
        depends=tuple(record.depends),
    )


def _hex(digest: bytes | None) -> str:
    return digest.hex() if digest else ""
