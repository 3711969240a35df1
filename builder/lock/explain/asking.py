"""Asking rattler again: the same environment with a change, and what the channels hold of a name."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import Callable, Sequence
from functools import cached_property

from rattler import (
    Gateway,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    Subdir,
)
from rattler.exceptions import FetchRepoDataError, GatewayError, SolverError

from builder.errors import LockError
from builder.lock.asked import ask_rattler
from builder.lock.explain.budget import Budget, Spent
from builder.lock.inputs import virtual_packages
from builder.lock.source import Source
from builder.spec.model import CONDA_SUBDIR, CondaEnvironment, ImageSpec, Platform

ReadSpec = Callable[[str], MatchSpec]
ReadChannel = Callable[[str], str]


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, or what might be asked for instead."""

    environment: CondaEnvironment
    spec: ImageSpec

    @property
    def lines(self) -> tuple[str, ...]:
        """The conda specs."""
        return self.environment.conda

    def with_lines(self, lines: Sequence[str]) -> Request:
        """The same with other conda specs."""
        environment = self.environment.model_copy(update={"conda": tuple(lines)})
        return dataclasses.replace(self, environment=environment)

    def with_pip(self, lines: Sequence[str]) -> Request:
        """The same with another pip section."""
        return dataclasses.replace(
            self, environment=self.environment.model_copy(update={"pip": tuple(lines)})
        )

    def with_channels(self, channels: Sequence[str]) -> Request:
        """The same with channels in another order."""
        environment = self.environment.model_copy(update={"channels": tuple(channels)})
        return dataclasses.replace(self, environment=environment)

    def with_image(self, **changes: object) -> Request:
        """The same on another base or with another CUDA line."""
        return dataclasses.replace(self, spec=self.spec.model_copy(update=changes))


@dataclasses.dataclass
class Asking:
    """The means to ask again. read: a spec as solve.py reads it. gateway: where the channels' indexes come from."""

    request: Request
    platform: Platform
    source: Source
    read: ReadSpec
    gateway: Gateway
    budget: Budget

    @property
    def subdir(self) -> str:
        """conda's name of the platform."""
        return CONDA_SUBDIR[self.platform]

    @cached_property
    def known(self) -> dict[tuple[object, ...], list[RepoDataRecord] | None]:
        """Answers by what was asked, so that nothing is asked twice."""
        return {}

    def solved(self, request: Request) -> list[RepoDataRecord] | None:
        """The packages, or None where nothing satisfies the request. Raises Spent."""
        machine = virtual_packages(request.spec, self.platform)
        key = (request.lines, request.environment.channels, machine)
        if not request.lines:
            return None  # an environment without packages is refused
        if key not in self.known:
            self.budget.spend()
            self.known[key] = self._solve(request)
        return self.known[key]

    def holds(self, lines: Sequence[str]) -> bool:
        """Whether some of the lines can be had together on the machine as declared. Raises Spent."""
        return not lines or self.solved(self.request.with_lines(lines)) is not None

    def said(self, lines: Sequence[str]) -> str:
        """The solver's own words about lines that it refuses; empty where it takes them. Raises Spent."""
        self.budget.spend()
        try:
            self._ask(self.request.with_lines(lines))
        except SolverError as error:
            return str(error)
        return ""

    def _solve(self, request: Request) -> list[RepoDataRecord] | None:
        try:
            return self._ask(request)
        except SolverError as error:
            if self.budget.left() <= 0:  # it may have been stopped by the clock, which proves nothing
                self.budget.ran_out = True
                raise Spent from error
            return None
        except (
            LockError,
            GatewayError,
            FetchRepoDataError,
        ):  # a changed line or channel that cannot be asked
            return None

    def _ask(self, request: Request) -> list[RepoDataRecord]:
        asked = ask_rattler(
            self.gateway,
            self.urls(request.environment.channels),
            [self.read(line) for line in request.lines],
            request.spec,
            self.platform,
            timeout=datetime.timedelta(seconds=max(1.0, self.budget.left())),
        )
        return asyncio.run(asked)

    def urls(self, channels: Sequence[str]) -> list[str]:
        """Where the channels are asked, each once."""
        return list(dict.fromkeys(self.source.channel_url(channel) for channel in channels))

    def records(self, name: str, subdir: str) -> list[list[RepoDataRecord]]:
        """What each channel holds of a name for a platform (and noarch), in the channels' order."""
        urls = self.urls(self.request.environment.channels)

        async def ask() -> list[list[RepoDataRecord]]:
            found = await self.gateway.query(
                urls,
                [Subdir(subdir), Subdir("noarch")],
                [name],
                recursive=False,
                channel_relations="disabled",
            )
            return list(found)

        answer = asyncio.run(ask())
        each = len(answer) // len(urls)  # one list for each channel and platform
        return [
            [record for part in answer[at * each : (at + 1) * each] for record in part]
            for at in range(len(urls))
        ]

    def names(self) -> list[str]:
        """Every name that a channel has for the platform."""

        async def ask() -> list[PackageName]:
            return await self.gateway.names(
                self.urls(self.request.environment.channels),
                [Subdir(self.subdir), Subdir("noarch")],
                channel_relations="disabled",
            )

        return sorted({name.normalized for name in asyncio.run(ask())})
