"""Where locks and bytes come from: the upstreams, or a kit that stands in for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from builder.lock.model import LockedBase, LockedFile, LockedInstaller, SourceId
from builder.spec.model import ImageSpec, Platform


class Source(Protocol):
    """A place to solve against and to fetch from. Upstream and Kit have this shape."""

    @property
    def id(self) -> SourceId:
        """Which source this is, as locks and image labels record it."""

    def lock_folder(self, spec: ImageSpec) -> Path:
        """The folder that holds the image's lock files."""

    def check_locks(self, spec: ImageSpec) -> None:
        """Raise LockError when the image's lock files are not those that the source vouches for (a kit's list)."""

    def channel_url(self, channel: str) -> str:
        """The URL to solve a channel at (`conda-forge` -> its URL; a kit answers with its own channel)."""

    def canonical(self, url: str) -> str:
        """The URL that a lock records for one that was solved or resolved against; others stay as they are.

        Pure text and idempotent, no look at disk or network. It is given a channel (`channel_url(name)`, no
        slash at its end), a package below it, or a wheel of the index or of a folder (then a `file://` URL as
        `Path.as_uri` spells it). A mirror of conda-forge answers `https://conda.anaconda.org/conda-forge/...`;
        a kit answers `kit:///channel/linux-64/x.conda` and `kit:///wheels/x.whl`.
        """

    def address(self, url: str) -> str:
        """Where the bytes of a canonical URL are asked for: a mirror's URL (https, file), else the URL itself."""

    def wheel_index(self) -> tuple[str, ...]:
        """Arguments for uv that say where wheels are found; () leaves uv to its own configuration."""

    def on_cpu(self) -> Source:
        """The same source for an image that declares no CUDA: it may know an index of CPU builds."""

    def local(self, file: LockedFile) -> Path | None:
        """The file on this machine where the source has it at hand (not yet checked), else None: download."""

    def base_packages(self, spec: ImageSpec, platform: Platform) -> frozenset[str]:
        """Names of the OS packages the base is known to hold; empty where the source cannot tell."""

    def base(self, spec: ImageSpec, platform: Platform) -> LockedBase:
        """The base to lock for this image."""

    def installer(self, spec: ImageSpec, platform: Platform) -> LockedInstaller:
        """The installer to lock for this image."""
