"""The engine port over the Docker SDK for Python: one object put together from its parts."""

from __future__ import annotations

import os
import platform as machine
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import docker

from builder.engine.attended import Program, ProgramSpec
from builder.engine.build import build
from builder.engine.containers import container
from builder.engine.doors import enter
from builder.engine.endpoints import Endpoint
from builder.engine.exports import export
from builder.engine.faults import EngineFull, translated
from builder.engine.images import Images
from builder.engine.port import (
    Container,
    ContainerSpec,
    DoorResult,
    DoorSpec,
    EngineInfo,
    ImageInfo,
    RemoteImage,
)
from builder.engine.programs import leave, program
from builder.engine.pushing import push
from builder.engine.sweep import sweep
from builder.engine.told import devices, insecure, security
from builder.engine.volumes import cache_volumes, remove_volume
from builder.progress import Observer


class DockerEngine:
    """The Engine of the port. `builder.engine.connect.connect` makes one, after it has checked who answers.

    It may be used by several threads. A context manager: leaving it closes the connections.
    """

    def __init__(self, api: docker.APIClient, version: Mapping[str, Any], endpoint: Endpoint) -> None:
        self._api = api
        self._version = version
        self._endpoint = endpoint
        self._images = Images(api)

    def __enter__(self) -> DockerEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def info(self) -> EngineInfo:
        """Ask who answers."""
        document = self._ask()
        return EngineInfo(
            version=str(self._version.get("Version", "")),
            api_version=str(self._version["ApiVersion"]),
            platform=f"{self._version.get('Os', 'linux')}/{self._version.get('Arch', '')}",
            buildkit=True,  # `connect` refuses an engine that is too old for it, or runs Windows
            endpoint=self._endpoint.url,
            storage_driver=str(document.get("Driver", "")),
            here=self._is_here(document),
            runtimes=tuple(sorted(document.get("Runtimes") or ())),
            devices=devices(document),
            insecure=insecure(document),
            mirrors=tuple((document.get("RegistryConfig") or {}).get("Mirrors") or ()),
            memory=int(document.get("MemTotal") or 0),
            sees_paths=self._sees_paths(document),
            rootless="rootless" in security(document),
            remaps="userns" in security(document),
            selinux="selinux" in security(document),
        )

    def find(self, ref: str) -> ImageInfo | None:
        """An image by tag or id."""
        return self._images.find(ref)

    def find_by_label(self, labels: Mapping[str, str]) -> tuple[ImageInfo, ...]:
        """All images that carry these labels with these values, newest first."""
        return self._images.find_by_label(labels)

    def remote(self, ref: str) -> RemoteImage | None:
        """What the reference's registry holds; None when it has no such image."""
        return self._images.remote(ref)

    def pull(self, ref: str, platform: str, observer: Observer) -> ImageInfo:
        """Pull from a registry, with the credentials that the docker command would use."""
        with self._room_told():
            return self._images.pull(ref, platform, observer)

    def import_tar(
        self, tag: str, tar: BinaryIO | Iterable[bytes], *, labels: Mapping[str, str], platform: str
    ) -> ImageInfo:
        """Make an image of one layer from a tar stream and tag it."""
        with self._room_told():
            return self._images.import_tar(tag, tar, labels=labels, platform=platform)

    def save(self, ref: str) -> Iterator[bytes]:
        """An image as `docker save` writes it, in pieces."""
        return self._images.save(ref)

    def export(self, image_id: str) -> Iterator[bytes]:
        """An image's files as one tar, in pieces, whether anything in it can run or not."""
        return export(self._api, image_id)

    def load(self, ref: str, tar: BinaryIO | Iterable[bytes]) -> ImageInfo:
        """Take in an image from what `docker save` writes; `ref` is the name that the archive gives it."""
        with self._room_told():
            return self._images.load(ref, tar)

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
        """Build with BuildKit from a tar stream; returns the image id."""
        with self._room_told():
            return build(
                self._api,
                context,
                tag=tag,
                labels=labels,
                platform=platform,
                network=network,
                observer=observer,
                no_cache=no_cache,
            )

    @contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[Container]:
        """A created container, removed with its volume whatever happens."""
        with self._room_told(), container(self._api, spec) as made:
            yield made

    @contextmanager
    def program(self, spec: ProgramSpec) -> Iterator[Program]:
        """A created container for a user's program, removed with its anonymous volumes whatever happens."""
        with self._room_told(), program(self._api, spec) as made:
            yield made

    def leave(self, spec: ProgramSpec) -> str:
        """Start a program that nobody attends; its container's name."""
        return leave(self._api, spec)

    def enter(self, door: DoorSpec, files: Mapping[str, bytes], out: str) -> DoorResult:
        """Start a container through this door; what it leaves below `out` comes back."""
        return enter(self._api, door, files, out)

    def push(self, ref: str, observer: Observer) -> str:
        """Push an image under one of its names; the digest of the manifest that was put. Raises RegistryError."""
        return push(self._api, ref, observer)

    def tag(self, image_id: str, ref: str) -> None:
        """Give an image one more name."""
        with self._room_told():
            self._images.tag(image_id, ref)

    def remove(self, ref: str) -> None:
        """Remove an image, or one of its names; quietly when it is not there."""
        self._images.remove(ref)

    def sweep(self) -> tuple[str, ...]:
        """Remove containers, volumes and working names of this machine's dead processes; returns their names."""
        return sweep(self._api)

    def disk_free(self) -> int | None:
        """Bytes free where the engine keeps its data; None when that is on another machine."""
        root = self.data_root()
        if root is None:
            return None
        disk = os.statvfs(root)
        return disk.f_bavail * disk.f_frsize

    def data_root(self) -> Path | None:
        """The engine's data directory where this machine sees it.

        A local socket is not enough: behind Docker Desktop's is a virtual machine, whose paths exist here too
        when a second engine is installed. Its host name and kernel differ from ours.
        """
        document = self._ask()
        root = Path(str(document.get("DockerRootDir") or "/nonexistent"))
        return root if self._is_here(document) and root.is_dir() else None

    def build_cache(self) -> int:
        """Bytes of build cache, of whoever built, that no image holds as well."""
        with translated("asking how large the build cache is"):
            rows = self._api.df().get("BuildCache") or ()
        return sum(int(row["Size"]) for row in rows if not row.get("Shared"))

    def prune_build_cache(self) -> int:
        """Remove that; returns the bytes that were freed."""
        with translated("removing the build cache"):
            return int(self._api.prune_builds(all=True).get("SpaceReclaimed") or 0)

    def cache_volumes(self) -> Mapping[str, int]:
        """The volumes that `run` and `shell` made for users' caches, by name: bytes in each."""
        return cache_volumes(self._api)

    def remove_volume(self, name: str) -> None:
        """Remove a volume; quietly when it is not there. Raises BuildError while a container has it."""
        remove_volume(self._api, name)

    def _is_here(self, document: Mapping[str, Any]) -> bool:
        system = (document.get("Name"), document.get("KernelVersion"))
        return self._endpoint.socket is not None and system == (socket.gethostname(), machine.release())

    def _sees_paths(self, document: Mapping[str, Any]) -> bool:
        """Docker Desktop shares this machine's directories with its virtual machine, and so do the others on a Mac.

        On Linux a socket may also have come from elsewhere: forwarded, or mounted into the container we run in.
        """
        shared = document.get("OperatingSystem") == "Docker Desktop" or sys.platform == "darwin"
        local = self._endpoint.url.startswith(("unix://", "npipe://"))
        return self._is_here(document) or (local and shared)

    @contextmanager
    def _room_told(self) -> Iterator[None]:
        """Say where the engine's disk is and what is free, when it was full. A failed step gives room back."""
        try:
            yield
        except EngineFull as error:
            root, free = self.data_root(), self.disk_free()
            if root is None or free is None:
                raise
            room = f"{free / 1e9:.2f} GB free at {root}"
            raise EngineFull(error.where, error.detail, room) from error

    def _ask(self) -> Mapping[str, Any]:
        with translated("asking the engine about itself"):
            return dict(self._api.info())
