"""The part of the port that is for programs somebody attends: `imgbuild run` and `imgbuild shell`.

Such a container is no sandbox. It has what its user gives it: directories, ports, a network, a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from builder.engine.port import SHM, Engine, GpuRequest

CACHE_VOLUME = "imgbuild-cache-"
"""How the volumes begin that keep users' caches; the user's name follows."""


@dataclass(frozen=True, slots=True)
class Mount:
    """Something at `target` in a container. bind: a directory or file where the engine runs, by its path, which must
    be there; volume: a volume by its name, made where there is none, and kept."""

    kind: Literal["bind", "volume"]
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """A port of the container (protocol: tcp, udp, sctp) that the engine's machine listens for at `address`.

    host_port None: the engine chooses one.
    """

    port: int
    protocol: str = "tcp"
    address: str = "127.0.0.1"
    host_port: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Who a user is, for an image that knows nobody with this UID or GID. home: a path in the image."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A program and what it gets. argv empty: the image's own command; user and groups as docker takes them.

    shm and memory (None: no limit) in bytes. tty: it has a terminal; stdin: it reads what comes, else nothing.
    unlabelled: without SELinux' separation, for directories of this machine.
    """

    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    groups: tuple[str, ...] = ()
    account: Account | None = None
    workdir: str = ""
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Publish, ...] = ()
    network: str = "bridge"
    shm: int = SHM
    memory: int | None = None
    gpus: GpuRequest | None = None
    pinned: bool = True  # with GPUs: memory that is locked without end; a rootless engine may not
    tty: bool = False
    stdin: bool = True
    name: str = ""
    hostname: str = ""
    unlabelled: bool = False


class Program(Protocol):
    """A created container with a user's program. Its methods may be called by several threads."""

    def start(self) -> None:
        """Attach to it and start it. Raises NotStartedError, which knows the exit code that docker has for it."""

    def output(self) -> Iterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """What it writes as it comes, to its end; with a terminal all of it is `stdout`."""

    def write(self, data: bytes) -> None:
        """Give it more to read. Raises OSError when it reads no more."""

    def end_input(self) -> None:
        """There is no more to read."""

    def signal(self, name: str) -> None:
        """Send a signal such as `SIGTERM`; quietly when it has ended."""

    def resize(self, rows: int, columns: int) -> None:
        """Its terminal has this size now; quietly when it has ended."""

    def wait(self) -> int:
        """Wait until it has ended and its container is gone; its exit code."""


class ProgramEngine(Engine, Protocol):
    """An engine that also runs users' programs."""

    def program(self, spec: ProgramSpec) -> AbstractContextManager[Program]:
        """A created container, removed with its anonymous volumes whatever happens."""

    def leave(self, spec: ProgramSpec) -> str:
        """Start a program that nobody attends; its container's name. The container goes when the program ends."""
