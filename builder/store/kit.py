"""A kit as a source: its base, installer, channel, wheels and locks stand in for all upstreams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from builder.errors import BuildError, LockError
from builder.lock.model import LockedBase, LockedFile, LockedInstaller, SourceId
from builder.lock.stale import same_base
from builder.spec.model import ImageSpec, Platform
from builder.store.archive import base_ref
from builder.store.cache import hash_file
from builder.store.kitfile import LOCKS, NAME, KitBase, KitFile, KitInstaller, Manifest, read_manifest, sealed
from builder.userpath import user_path

SCHEME = "kit:///"
_AGAIN = "copy the kit again from where it came, or make it anew"


@dataclass(frozen=True)
class Kit:
    """The Source for a kit. root is absolute; use Kit.open."""

    root: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Kit:
        """Read a kit's kit.yml; its other files are looked at when they are used, or by check().

        Raises UsageError when path is no kit, BuildError when kit.yml was changed.
        """
        root = user_path(path).resolve()
        return cls(root, read_manifest(root))

    @property
    def id(self) -> SourceId:
        """The kit by the digest of what it holds."""
        return SourceId(kind="kit", kit=self.manifest.id)

    def lock_folder(self, spec: ImageSpec) -> Path:
        """`locks/ENV` inside the kit."""
        return self.root / "locks" / spec.name

    def check_locks(self, spec: ImageSpec) -> None:
        """Raise LockError when a lock file of this image is not the one that kit.yml names."""
        folder = self.lock_folder(spec)
        prefix = folder.relative_to(self.root).as_posix()
        named = [file for file in self.manifest.files if file.path.startswith(f"{prefix}/")]
        faults = [fault for file in named if (fault := self._fault(file) or self._broken_seal(file))]
        if folder.is_symlink():
            faults.append(f"{prefix}: a symbolic link")
        elif folder.is_dir():
            faults += [
                f"{prefix}/{path.name}: not named in kit.yml"
                for path in folder.iterdir()
                if self._unknown(path)
            ]
        if faults:
            raise LockError(
                "the kit's lock was changed", where=str(folder), fix=_AGAIN, detail="\n".join(sorted(faults))
            )

    def channel_url(self, channel: str) -> str:
        """The kit's own channel, whatever was asked for: it stands in for all of them."""
        del channel
        return (self.root / "channel").as_uri()

    def canonical(self, url: str) -> str:
        """`kit:///channel/...` and `kit:///wheels/...` for what lies in the kit; others as they are."""
        inside = f"{self.root.as_uri()}/"
        return SCHEME + url.removeprefix(inside) if url.startswith(inside) else url

    def address(self, url: str) -> str:
        """The URL itself: a kit has no mirrors."""
        return url

    def wheel_index(self) -> tuple[str, ...]:
        """uv looks into the kit's wheels and nowhere else."""
        return ("--no-index", "--find-links", str(self.root / "wheels"))

    def on_cpu(self) -> Kit:
        """The kit itself: it holds one build of each wheel."""
        return self

    def local(self, file: LockedFile) -> Path | None:
        """The file in the kit: by its `kit:///` URL, else by its sha256; None for other sources' files.

        Raises BuildError when the kit does not hold what a `kit:///` URL names, when another file lies there,
        or when the file is gone, of another size, or a link out of the kit.
        """
        if not file.url.startswith(SCHEME):
            known = self._by_sha256.get(file.sha256)
            return self._present(known) if known else None
        path = unquote(file.url.removeprefix(SCHEME))
        known = self._by_path.get(path)
        if known is None:
            raise BuildError(f"this kit holds no {path!r}", where=str(self.root), fix=_LOCK_AGAIN)
        if known.sha256 != file.sha256:
            what = f"{path} is not what the lock names: sha256 expected {file.sha256}, got {known.sha256}"
            raise BuildError(what, where=str(self.root), fix=_LOCK_AGAIN)
        return self._present(known)

    def base_packages(self, spec: ImageSpec, platform: Platform) -> frozenset[str]:
        """Names of the OS packages in the base that the image asks for."""
        del platform
        return frozenset(
            name for base in self.manifest.bases if base.key == spec.base.key for name in base.packages
        )

    def base(self, spec: ImageSpec, platform: Platform) -> LockedBase:
        """The kit's base. Raises LockError when it was made for another base or platform."""
        self._check_platform(spec, platform)
        for base in self.manifest.bases:
            if base.key == spec.base.key and _is_for(base, spec):
                _check_name(base, spec)
                return locked_base(base, self._locked(base.path))
        held = [base.key for base in self.manifest.bases]
        raise LockError(
            f"the kit has no base {spec.base.key}, only {', '.join(held) or 'packages'}",
            where=str(self.root),
            fix=f"make a kit for {spec.ref}" + (f", or give the image base: {held[0]}" if held else ""),
        )

    def installer(self, spec: ImageSpec, platform: Platform) -> LockedInstaller:
        """The stand-in for the image's installer. Raises LockError when the kit has none for it."""
        self._check_platform(spec, platform)
        if spec.installer is None:
            raise LockError("an image without an installer cannot be locked yet", where=spec.ref,
                            fix="write installer: miniconda=VERSION")  # fmt: skip
        kind, version = spec.installer.kind, spec.installer.version
        for one in self.manifest.installers:
            if (one.kind, one.version) == (kind, version) and _is_for(one, spec):
                file = self._locked(one.path)
                if one.locked is not None:
                    return one.locked
                return LockedInstaller(
                    **file.model_dump(), kind=kind, version=version, stand_in=self.manifest.stand_in
                )
        held = ", ".join(f"{one.kind}={one.version}" for one in self.manifest.installers)
        raise LockError(
            f"the kit has no installer {kind}={version}, only {held}",
            where=str(self.root),
            fix=f"make a kit for {spec.ref}, or ask for the one it has",
        )

    def check(self) -> list[str]:
        """Every way in which the kit's files are not those that kit.yml names; empty for a whole kit."""
        faults = [
            fault
            for file in self.manifest.files
            if (
                fault := self._fault(file) or (self._broken_seal(file) if file.path.startswith(LOCKS) else "")
            )
        ]
        faults += [
            f"{path.relative_to(self.root).as_posix()}: not named in kit.yml"
            for path in sorted(self.root.rglob("*"))
            if (path.is_symlink() or not path.is_dir()) and self._unknown(path)
        ]
        return faults

    @cached_property
    def _by_sha256(self) -> dict[str, KitFile]:
        return {file.sha256: file for file in self.manifest.files}

    @cached_property
    def _by_path(self) -> dict[str, KitFile]:
        return {file.path: file for file in self.manifest.files}

    def _unknown(self, path: Path) -> bool:
        name = path.relative_to(self.root).as_posix()
        return name != NAME and name not in self._by_path

    def _locked(self, path: str) -> LockedFile:
        file = self._by_path.get(path)
        if file is None:
            raise BuildError(f"kit.yml does not name {path!r}", where=str(self.root / NAME), fix=_AGAIN)
        return LockedFile(url=SCHEME + path, sha256=file.sha256, size=file.size)

    def _present(self, file: KitFile) -> Path:
        path = self.root / file.path
        if path.resolve() != path:
            raise BuildError("a file of the kit is a symbolic link", where=str(path), fix=_AGAIN)
        if not path.is_file():
            raise BuildError("a file of the kit is missing", where=str(path), fix=_AGAIN)
        size = path.stat().st_size
        if size != file.size:
            what = f"a file of the kit was changed: {file.size} bytes expected, got {size}"
            raise BuildError(what, where=str(path), fix=_AGAIN)
        return path

    def _fault(self, file: KitFile) -> str:
        try:
            sha256, _size = hash_file(self._present(file))
        except (BuildError, OSError) as error:
            return f"{file.path}: {error.what if isinstance(error, BuildError) else error.strerror}"
        if sha256 != file.sha256:
            return f"{file.path}: sha256 expected {file.sha256}, got {sha256}"
        return ""

    def _broken_seal(self, file: KitFile) -> str:
        """Of a lock file: whether it says something else than the lock that the kit's id stands for."""
        if not self.manifest.seals:  # of a kit from before there were any
            return ""
        data = (self.root / file.path).read_bytes()
        same = self.manifest.seals.get(file.path) == sealed(data, self.manifest.id)
        return "" if same else f"{file.path}: not the lock that the kit was made with"

    def _check_platform(self, spec: ImageSpec, platform: Platform) -> None:
        if platform != self.manifest.platform:
            raise LockError(
                f"the kit was made for {self.manifest.platform}, not {platform}",
                where=str(self.root),
                fix=f"build {spec.ref} for {self.manifest.platform}, or make a kit for {platform}",
            )


def locked_base(base: KitBase, tar: LockedFile) -> LockedBase:
    """What a lock says of a kit's base."""
    ref = base_ref(base.image_id or tar.sha256)
    return LockedBase(key=base.key, ref=ref, glibc=base.glibc, tar=tar, image_id=base.image_id)


def _is_for(part: KitBase | KitInstaller, spec: ImageSpec) -> bool:
    return not part.images or spec.ref in part.images


def _check_name(base: KitBase, spec: ImageSpec) -> None:
    """A registry's base holds as long as envs/_bases.yml names it; a stand-in has no such name."""
    if base.ref and not same_base(base.ref, spec.base.ref):
        raise LockError(
            f"the base {base.key} is {spec.base.ref} now, and the kit has {base.ref}",
            where="envs/_bases.yml",
            fix="make the kit again, or take the row back",
        )


_LOCK_AGAIN = "the lock was made from another kit: name that one with --kit, or make the lock again"
