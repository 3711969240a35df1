"""The one question to rattler: which packages for these specs, from these channels, on the declared machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rattler import (
    ChannelPriority,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    Subdir,
    Version,
    solve,
)
from rattler.package import BuildString

from builder.lock.inputs import virtual_packages
from builder.spec.model import CONDA_SUBDIR, ImageSpec, Platform


def subdirs(platform: Platform) -> list[Subdir]:
    """Where a channel keeps what a platform takes."""
    return [Subdir(CONDA_SUBDIR[platform]), Subdir("noarch")]


async def ask_rattler(
    gateway: Gateway,
    urls: Sequence[str],
    specs: Sequence[MatchSpec],
    spec: ImageSpec,
    platform: Platform,
    **more: Any,
) -> list[RepoDataRecord]:
    """The packages, by strict channel priority. more: what else rattler's `solve` takes.

    Raises SolverError when nothing satisfies the specs, rattler's other errors when a channel cannot be read.
    """
    machine = [
        GenericVirtualPackage(PackageName(one.name), Version(one.version), BuildString(one.build))
        for one in virtual_packages(spec, platform)
    ]
    return await solve(
        urls,
        _with_names(specs),
        gateway=gateway,
        platforms=subdirs(platform),
        virtual_packages=machine,
        channel_priority=ChannelPriority.Strict,
        # What a channel says about its relation to others must not add channels that nobody asked for.
        channel_relations="disabled",
        **more,
    )


def _with_names(specs: Sequence[MatchSpec]) -> list[MatchSpec]:
    """The specs, and each one's name alone.

    A gateway hands the solver only the records that match a spec. Where a channel has none of the version that is
    asked for, the solver would not know that the channel has the name, and would take it from a lower one.
    """
    names = dict.fromkeys(spec.name.normalized for spec in specs if spec.name is not None)
    return [*specs, *(MatchSpec(name) for name in names)]
