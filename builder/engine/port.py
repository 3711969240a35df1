"""What imgbuild asks of a container engine, as one small interface.

Two implementations have this shape: `builder.engine.docker_sdk.DockerEngine` and the fake of the unit tests
(tests/support/fake_engine.py). One contract suite runs against both. Every method raises EngineError when the
engine is gone, BuildError when the work itself failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from builder.progress import Observer


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Who answers: version `20.10.24`, API `1.41`, platform `linux/amd64`, BuildKit at hand, its address.

    here: it runs on this machine's own system, and in no virtual machine. sees_paths: it can mount this machine's
    directories, from here or as Docker Desktop does. rootless: its root is the user who started it; remaps: a user in a
    container is another one outside; selinux: it labels containers. runtimes: `runc`, `nvidia`; devices: those of CDI
    that it found, `nvidia.com/gpu=all`. insecure: registries (hosts, networks) that it takes as they are; mirrors: of
    Docker Hub. memory: bytes that it has, 0 where it does not say.
    """

    version: str
    api_version: str
    platform: str
    buildkit: bool
    endpoint: str
    storage_driver: str
    here: bool = True
    runtimes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    memory: int = 0
    sees_paths: bool = True
    rootless: bool = False
    remaps: bool = False
    selinux: bool = False


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image in the engine. id is `sha256:...`; size in bytes; created in ISO 8601."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    size: int
    platform: str
    created: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[tuple[str, int], ...] = ()  # (created_by, bytes), oldest first
    diff_ids: tuple[str, ...] = ()  # `sha256:...` of each layer that has files, lowest first
    config: Mapping[str, Any] = field(
        default_factory=dict
    )  # how it starts, with the names that OCI gives its parts


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """What a registry holds under a reference. digest is `sha256:...`; platforms it is made for."""

    digest: str
    platforms: tuple[str, ...]


CDI_KIND = "nvidia.com/gpu"
"""What NVIDIA calls its GPUs among the devices of CDI: `nvidia.com/gpu=0`."""
SHM = 64 << 20
"""What /dev/shm holds where nobody asks for more, as the engine itself has it."""


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """GPUs for a container. way: by CDI devices, or by the engine's own driver for them. devices: `0`, `GPU-...`;
    none for all of them."""

    way: Literal["cdi", "driver"] = "driver"
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use. memory, tmpfs and shm (part of the memory) in bytes, seconds of wall time,
    processes, CPUs (0: all)."""

    memory: int
    tmpfs: int
    pids: int
    seconds: float
    cpus: float = 0
    shm: int = SHM


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A sandboxed run. volume: the one anonymous volume's path; uid may be unknown to the image."""

    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    uid: int
    limits: Limits
    volume: str
    workdir: str
    entrypoint: tuple[str, ...] | None = None  # None keeps the image's own
    read_only: bool = True
    network: str = "none"
    gpus: GpuRequest | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. code is None when it was killed for time; output is capped and says so.

    spilled: it was killed because it left more in its volume than comes out. crowded: when its time was over, it
    had as many processes as it may have.
    """

    code: int | None
    output: str
    seconds: float
    timed_out: bool = False
    out_of_memory: bool = False
    spilled: bool = False
    crowded: bool = False


@dataclass(frozen=True, slots=True)
class DoorSpec:
    """One way into an image. Empty texts keep what the image says.

    user as `docker run --user` takes it. stdin: what the program reads, which must end it. inside: a program
    for `docker exec` while argv runs, with variables and directory of its own. owner: the UID that may write
    into the volume's directories.
    """

    image: str
    argv: tuple[str, ...]
    limits: Limits
    volume: str
    owner: int
    user: str = ""
    entrypoint: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    read_only: bool = False
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes | None = None
    inside: tuple[str, ...] | None = None
    inside_env: Mapping[str, str] = field(default_factory=dict)
    inside_workdir: str = ""


@dataclass(frozen=True, slots=True)
class DoorResult:
    """How the program behind the door ended, and the files it left, by relative path."""

    run: RunResult
    files: Mapping[str, bytes]


class Container(Protocol):
    """A created container. It is started once; files go in before and come out after, through its volume."""

    @property
    def id(self) -> str:
        """The engine's id."""

    def copy_in(self, files: Mapping[str, bytes], *, writable: Sequence[str] = ()) -> None:
        """Put files below the volume (paths relative to it), root-owned and read-only; `writable` names
        directories to make there that the container's UID may write."""

    def run(self) -> RunResult:
        """Start it, wait within its limits, kill it when they are passed."""

    def copy_out(self, path: str) -> Mapping[str, bytes]:
        """Regular files below `path` in the volume, by relative path; {} where there are none.

        At most 64 MiB and 10,000 entries: for more, BuildError.
        """

    def kind(self, path: str) -> str:
        """What lies at `path` in the volume: `a regular file`, `a symbolic link`, ...; empty where nothing does."""


class Engine(Protocol):
    """The engine."""

    def info(self) -> EngineInfo:
        """Ask who answers; raises EngineError when none does, or one that cannot do the work."""

    def find(self, ref: str) -> ImageInfo | None:
        """An image by tag or id."""

    def find_by_label(self, labels: Mapping[str, str]) -> tuple[ImageInfo, ...]:
        """All images that carry these labels with these values, newest first."""

    def remote(self, ref: str) -> RemoteImage | None:
        """What the reference's registry holds, asked by the engine; None when the registry has no such image.

        Raises BuildError when the registry cannot be reached or refuses.
        """

    def pull(self, ref: str, platform: str, observer: Observer) -> ImageInfo:
        """Pull from a registry, with the credentials that the docker command would use."""

    def import_tar(
        self, tag: str, tar: BinaryIO | Iterable[bytes], *, labels: Mapping[str, str], platform: str
    ) -> ImageInfo:
        """Make an image of one layer from a tar stream and tag it."""

    def save(self, ref: str) -> Iterator[bytes]:
        """An image as `docker save` writes it, in pieces: layers, configuration, list of contents.

        How that is spelled is the engine's own; `builder.store.archive` makes one spelling of it.
        """

    def export(self, image_id: str) -> Iterator[bytes]:
        """An image's files as one tar, in pieces, its layers laid over each other; nothing of it is run.

        Closing the iterator leaves nothing behind. Raises BuildError where there is no such image.
        """

    def load(self, ref: str, tar: BinaryIO | Iterable[bytes]) -> ImageInfo:
        """Take in an image from what `docker save` writes; `ref` is the name that the archive gives it.

        Raises what the tar raises, and then there is no image, and BuildError for one that is not whole or does not
        give that name.
        """

    def build(
        self,
        context: Iterable[bytes],
        *,
        tag: str,
        labels: Mapping[str, str],
        platform: str,
        network: str,
        observer: Observer,
        no_cache: bool = False,
    ) -> str:
        """Build with BuildKit from a tar stream whose `Dockerfile` is at its top; returns the image id.

        `tag` is put by the engine only when the build succeeds. Raises BuildError with the failing step, its
        last lines and its exit code. Closing (an exception in the observer, an interrupt) cancels the build.
        """

    def container(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """A created container, removed with its volume whatever happens."""

    def push(self, ref: str, observer: Observer) -> str:
        """Push an image under one of its names; the digest of the manifest that was put. Raises RegistryError."""

    def tag(self, image_id: str, ref: str) -> None:
        """Give an image one more name."""

    def remove(self, ref: str) -> None:
        """Remove an image, or one of its names; quietly when it is not there."""

    def sweep(self) -> tuple[str, ...]:
        """Remove containers, volumes and working names of this machine's dead processes; returns their names."""

    def disk_free(self) -> int | None:
        """Bytes free where the engine keeps its data; None when it is on another machine."""

    def data_root(self) -> Path | None:
        """The engine's data directory where this machine sees it."""

    def build_cache(self) -> int:
        """Bytes of build cache, of whoever built, that no image holds as well."""

    def prune_build_cache(self) -> int:
        """Remove that; returns the bytes that were freed."""

    def cache_volumes(self) -> Mapping[str, int]:
        """The volumes that keep users' caches, by name: bytes in each."""

    def remove_volume(self, name: str) -> None:
        """Remove a volume; quietly when it is not there. Raises BuildError while a container has it."""


class DoorEngine(Engine, Protocol):
    """An engine that also goes through doors."""

    def enter(self, door: DoorSpec, files: Mapping[str, bytes], out: str) -> DoorResult:
        """Start a container through this door, with these files in its volume; what it leaves below `out`
        comes back. The container and its volume are removed whatever happens."""
