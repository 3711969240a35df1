"""The upstreams as a source: registries, Anaconda's servers, conda-forge, the Python package index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from builder.data.installers import find_installer
from builder.errors import BuildError, EngineError, LockError
from builder.lock.model import LockedBase, LockedFile, LockedInstaller, SourceId
from builder.progress import Note, Observer, silent
from builder.settings.model import Settings
from builder.spec.model import ImageSpec, Platform
from builder.store.given import GivenInstaller

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

    resolve_digest: what a registry answers for a tag (`sha256:...`); where it cannot be asked, the tag itself
    is locked, and the observer is told. read: where the bytes come from, read when the first URL is asked for.
    given: the installer in place of the shipped table's. cpu: for an image that declares no CUDA.
    """

    resolve_digest: ResolveDigest | None = None
    observer: Observer = silent
    read: Callable[[], Settings] = Settings
    given: GivenInstaller | None = None
    cpu: bool = False

    @property
    def id(self) -> SourceId:
        """`upstream`."""
        return SourceId()

    @cached_property
    def settings(self) -> Settings:
        """Mirrors and names. Raises DefinitionError when the settings files cannot be read."""
        return self.read()

    def lock_folder(self, spec: ImageSpec) -> Path:
        """The image's own folder: its locks are committed."""
        return spec.folder

    def check_locks(self, spec: ImageSpec) -> None:
        """Nothing to compare with: the committed files are themselves what the repository vouches for."""

    def channel_url(self, channel: str) -> str:
        """Where a channel is asked: a name of the settings, else one below conda.anaconda.org, else its URL."""
        return self.settings.address(self._channel(channel))

    def _channel(self, channel: str) -> str:
        if "://" in channel:
            return channel.rstrip("/")
        name, slash, rest = channel.strip("/").partition("/")
        if name in self.settings.channels:
            return f"{self.settings.channels[name]}{slash}{rest}"
        return NAMED_CHANNELS.get(channel, f"{CHANNEL_ALIAS}/{channel.strip('/')}")

    def canonical(self, url: str) -> str:
        """The same URL, with a mirror's spelled as the canonical one."""
        return self.settings.canonical(url)

    def address(self, url: str) -> str:
        """The mirror's URL for a canonical one."""
        return self.settings.address(url)

    def wheel_index(self) -> tuple[str, ...]:
        """The index of the settings, or its mirror; without one uv reads the machine's configuration."""
        index, cpu = self.settings.wheel_index, self.settings.cpu_wheel_index if self.cpu else ""
        words = ("--default-index", self.settings.address(index)) if index else ()
        # The best version of all indexes, not the first index's: `2.14.1+cpu` is above `2.14.1`, and what else such an
        # index holds may be old.
        more = ("--index", self.settings.address(cpu), "--index-strategy", "unsafe-best-match") if cpu else ()
        return (*words, *more)

    def on_cpu(self) -> Upstream:
        """With the index of CPU builds that the settings name, where they name one."""
        return replace(self, cpu=True)

    def local(self, file: LockedFile) -> Path | None:
        """The installer's file, where one was given; nothing else lies here before it was fetched."""
        given = self.given
        if given is None or (file.url, file.sha256) != (self._given_url(given), given.sha256):
            return None
        return given.path

    def base_packages(self, spec: ImageSpec, platform: Platform) -> frozenset[str]:
        """A registry does not tell what an image holds."""
        del spec, platform
        return frozenset()

    def base(self, spec: ImageSpec, platform: Platform) -> LockedBase:
        """The base by tag and digest."""
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
        why = "no registry was asked"
        if self.resolve_digest is not None:
            try:
                return f"{ref}@{self.resolve_digest(ref, platform)}"
            except (EngineError, BuildError) as error:
                why = f"the registry could not be asked ({error.what})"
        self.observer(Note(f"{ref}: {why}, so the lock names the tag and not its digest"))
        return ref

    def installer(self, spec: ImageSpec, platform: Platform) -> LockedInstaller:
        """The conda distribution: the one that was given, else from the shipped table of installers."""
        if spec.installer is None:
            what = "an image without an installer cannot be locked yet"
            raise LockError(what, where=spec.ref, fix="write installer: miniconda=VERSION")
        kind, version = spec.installer.kind, spec.installer.version
        if self.given is None:
            url, sha256 = find_installer(kind, version, None, platform)
            return LockedInstaller(url=url, sha256=sha256, kind=kind, version=version)
        return LockedInstaller(
            url=self._given_url(self.given),
            sha256=self.given.sha256,
            kind=kind,
            version=version,
            stand_in=self.given.stand_in,
            given=True,
        )

    def _given_url(self, given: GivenInstaller) -> str:
        return self.canonical(given.url)
