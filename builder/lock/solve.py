"""The conda part of one environment, solved by rattler against the declared machine."""

from __future__ import annotations

from collections.abc import Sequence

from rattler import (
    Gateway,
    MatchSpec,
    PackageRecord,
    RepoDataRecord,
)
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidUrlError,
    SolverError,
)

from builder.errors import LockError
from builder.lock.asked import ask_rattler, subdirs
from builder.lock.explain.asking import Asking, Request
from builder.lock.explain.budget import Budget
from builder.lock.explain.conda import explain
from builder.lock.gateway import Gate, opened
from builder.lock.keep_conda import held_records, solve_keeping
from builder.lock.kept import NOTHING_HELD, Held
from builder.lock.model import CondaPackage
from builder.lock.source import Source
from builder.lock.urls import recorded
from builder.spec.model import CondaEnvironment, ImageSpec, Platform

_CANNOT_READ = (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError)


def solve_environment(
    environment: CondaEnvironment,
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    held: Held = NOTHING_HELD,
) -> tuple[CondaPackage, ...]:
    """The packages in link order, with canonical URLs; what `held` holds stays where it can.

    Raises LockError when the specs cannot be read or met, when a channel cannot be read, and when its index
    lacks a hash.
    """
    records = _solved(environment, spec, platform, source, held)
    if not records:
        raise LockError(
            f"the environment {environment.name} is empty: nothing was asked for",
            where=str(environment.file),
            fix="add packages to dependencies:",
        )
    _refuse_unhashed(records, environment)
    return tuple(_package(record, source) for record in _link_order(records))


def attempt_environment(
    environment: CondaEnvironment, spec: ImageSpec, platform: Platform, source: Source, gate: Gate
) -> tuple[CondaPackage, ...] | None:
    """The packages, or None where nothing satisfies the specs; for a try whose failure needs no explanation.

    gate: one for several tries, so that the channels' indexes are read once.
    Raises LockError when a channel cannot be read.
    """
    try:
        records = gate.answer(
            lambda gateway: _asked(environment, spec, platform, source, NOTHING_HELD, gateway)
        )
    except SolverError:
        return None
    except _CANNOT_READ as error:
        raise LockError(
            f"a channel of {environment.name} cannot be read", where=str(environment.file)
        ) from error
    return tuple(_package(record, source) for record in _link_order(records))


def channel_urls(environment: CondaEnvironment, source: Source) -> list[str]:
    """Where the environment's channels are asked, each once, in their order."""
    return list(dict.fromkeys(source.channel_url(channel) for channel in environment.channels))


def _solved(
    environment: CondaEnvironment, spec: ImageSpec, platform: Platform, source: Source, held: Held
) -> list[RepoDataRecord]:
    with opened(channel_urls(environment, source)) as gate:
        try:
            return gate.answer(lambda gateway: _asked(environment, spec, platform, source, held, gateway))
        except SolverError as error:  # the explanation asks the same gateway, which has read the indexes
            raise _unsolvable(str(error), environment, spec, platform, source, gate.gateway) from error
        except _CANNOT_READ as error:
            where = str(environment.file)
            raise gate.unreadable(error, environment.name, environment.channels, where) from error


async def _asked(
    environment: CondaEnvironment,
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    held: Held,
    gateway: Gateway,
) -> list[RepoDataRecord]:
    specs = [match_spec(line, environment, source) for line in environment.conda]
    urls = channel_urls(environment, source)

    async def ask(locked: Sequence[RepoDataRecord], pinned: Sequence[RepoDataRecord]) -> list[RepoDataRecord]:
        return await ask_rattler(
            gateway, urls, specs, spec, platform, locked_packages=locked, pinned_packages=pinned
        )

    records = await held_records(gateway, urls, subdirs(platform), specs, held.conda, source)
    return await solve_keeping(ask, records, specs, held)


def match_spec(line: str, environment: CondaEnvironment, source: Source) -> MatchSpec:
    """A line of `dependencies:` as the solver reads it. Raises LockError."""
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


def _unsolvable(
    text: str,
    environment: CondaEnvironment,
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    gateway: Gateway,
) -> LockError:
    asking = Asking(
        Request(environment, spec),
        platform,
        source,
        read=lambda line: match_spec(line, environment, source),
        gateway=gateway,
        budget=Budget(),
    )
    return explain(asking, text).error


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
