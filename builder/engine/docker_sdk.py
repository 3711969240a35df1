"""The engine port over the Docker SDK for Python: one object put together from its parts."""

from __future__ import annotations

import os
import platform as machine
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import docker

from builder.engine.build import build
from builder.engine.containers import container
from builder.engine.doors import enter
from builder.engine.endpoints import Endpoint
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
from builder.engine.sweep import sweep
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

    def enter(self, door: DoorSpec, files: Mapping[str, bytes], out: str) -> DoorResult:
        """Start a container through this door; what it leaves below `out` comes back."""
        return enter(self._api, door, files, out)

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
        same = (document.get("Name"), document.get("KernelVersion")) == (
            socket.gethostname(),
            machine.release(),
        )
        return root if same and self._endpoint.socket is not None and root.is_dir() else None

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
