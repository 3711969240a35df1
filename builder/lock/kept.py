"""What a new lock holds on to: the lock before it, less the packages that are to move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from builder.lock.apt.packages import AptPackages
from builder.lock.model import CondaPackage, EnvironmentLock, LockedBase, LockedFile, LockSet, PipPackage


@dataclass(frozen=True, slots=True)
class Held:
    """Of one environment. moving: names that go as far as they can; they are among conda and pip as well.

    refresh: indexes that were read a moment ago are asked again.
    """

    conda: tuple[CondaPackage, ...] = ()
    pip: tuple[PipPackage, ...] = ()
    uv: LockedFile | None = None
    moving: frozenset[str] = frozenset()
    refresh: bool = False

    def moves(self, name: str) -> bool:
        """Whether a package of this name (conda's or pip's) is to move."""
        return bool(self.moving) and canonicalize_name(name) in self.moving


NOTHING_HELD = Held()


@dataclass(frozen=True, slots=True)
class Kept:
    """lock: the one before, None for the first one and where everything is to be new."""

    lock: LockSet | None = None
    moving: frozenset[str] = frozenset()
    refresh: bool = False

    def environment(self, name: str, *, first: bool) -> Held:
        """What one environment holds on to. The first is known by its place: it may be renamed with its folder."""
        before = self._before(name, first=first)
        if before is None or self.lock is None:
            return Held(refresh=self.refresh)
        return Held(before.conda, before.pip, self.lock.uv, self.moving, self.refresh)

    def apt(self, asked: tuple[str, ...], base: LockedBase) -> AptPackages | None:
        """The OS packages, while they are asked for as before, of the same base, and none of them is to move."""
        before = self.lock
        if before is None or not asked or (before.apt_inputs, before.base.ref) != (asked, base.ref):
            return None
        if self.moving & moving(package.name for package in before.apt):
            return None
        return AptPackages(packages=before.apt, releases=before.apt_releases)

    def _before(self, name: str, *, first: bool) -> EnvironmentLock | None:
        held = self.lock.environments if self.lock else ()
        if first:
            return held[0] if held else None
        return next((one for one in held[1:] if one.name == name), None)


NOTHING_KEPT = Kept()


def moving(names: Iterable[str]) -> frozenset[str]:
    """Names as both managers are compared by: lower case, with single dashes."""
    return frozenset(canonicalize_name(name) for name in names)
