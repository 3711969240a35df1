"""The upstreams as a source: registries, Anaconda's servers, conda-forge, the Python package index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.data.installers import find_installer
from builder.errors import LockError
from builder.lock.model import LockedBase, LockedFile, LockedInstaller, SourceId
from builder.progress import Note, Observer, silent
from builder.spec.model import ImageSpec, Platform

CHANNEL_ALIAS = "https://conda.anaconda.org"
NAMED_CHANNELS = {
    "defaults": "https://repo.anaconda.com/pkgs/main",
    "pkgs/main": "https://repo.anaconda.com/pkgs/main",
    "pkgs/r": "https://repo.anaconda.com/pkgs/r",
    "main": "https://repo.anaconda.com/pkgs/main",
    "r": "https://repo.anaconda.com/pkgs/r",
}

ResolveDigest = Callable[[str, Platform], str]


@dataclass(frozen=True)
class Upstream:
    """The Source for the real channels; locks lie beside the definition.

    resolve_digest: what a registry answers for a tag (`sha256:...`); without it the tag itself is locked, and
    the observer is told. channel_alias: what a bare channel name is a folder of.
    """

    resolve_digest: ResolveDigest | None = None
    observer: Observer = silent
    channel_alias: str = CHANNEL_ALIAS

    @property
    def id(self) -> SourceId:
        """`upstream`."""
        return SourceId()

    def lock_folder(self, spec: ImageSpec) -> Path:
        """The image's own folder: its locks are committed."""
        return spec.folder

    def channel_url(self, channel: str) -> str:
        """`conda-forge` and other names below the alias; URLs as they are."""
        if "://" in channel:
            return channel.rstrip("/")
        return NAMED_CHANNELS.get(channel, f"{self.channel_alias.rstrip('/')}/{channel.strip('/')}")

    def canonical(self, url: str) -> str:
        """The same URL, with an alias of the site's own spelled as the public one."""
        alias = self.channel_alias.rstrip("/")
        return CHANNEL_ALIAS + url.removeprefix(alias) if url.startswith(f"{alias}/") else url

    def wheel_index(self) -> tuple[str, ...]:
        """uv reads the machine's own configuration."""
        return ()

    def local(self, file: LockedFile) -> Path | None:
        """Nothing lies here before it was fetched."""
        del file
        return None

    def base_packages(self, spec: ImageSpec, platform: Platform) -> frozenset[str]:
        """A registry does not tell what an image holds."""
        del spec, platform
        return frozenset()

    def base(self, spec: ImageSpec, platform: Platform) -> LockedBase:
        """The base by digest."""
        base = spec.base
        if platform not in base.platforms:
            known = ", ".join(base.platforms)
            raise LockError(
                f"base {base.key} is not made for {platform}", where=spec.ref, fix=f"it is made for {known}"
            )
        return LockedBase(key=base.key, ref=self._pinned(base.ref, platform), glibc=base.glibc)

    def _pinned(self, ref: str, platform: Platform) -> str:
        if "@sha256:" in ref:
            return ref
        if self.resolve_digest is None:
            self.observer(Note(f"{ref}: no registry was asked, so the lock names the tag and not its digest"))
            return ref
        return f"{_untagged(ref)}@{self.resolve_digest(ref, platform)}"

    def installer(self, spec: ImageSpec, platform: Platform) -> LockedInstaller:
        """The conda distribution from the shipped table of installers."""
        if spec.installer is None:
            what = "an image without an installer cannot be locked yet"
            raise LockError(what, where=spec.ref, fix="write installer: miniconda=VERSION")
        kind, version = spec.installer.kind, spec.installer.version
        url, sha256 = find_installer(kind, version, None, platform)
        return LockedInstaller(url=url, sha256=sha256, kind=kind, version=version)


def _untagged(ref: str) -> str:
    """`debian:bookworm` -> `debian`; a registry's port stays."""
    name, colon, tag = ref.rpartition(":")
    return name if colon and "/" not in tag else ref
