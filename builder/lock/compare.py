"""Two locks side by side: what came, what went, what changed, and by how many bytes. Pure: values in, a value out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from builder.lock.model import EnvironmentLock, LockSet
from builder.lock.versions import order
from builder.values import Value

Change: TypeAlias = Literal["added", "removed", "upgraded", "downgraded", "rebuilt", "moved", "amended"]
CHANGES: tuple[Change, ...] = ("added", "removed", "upgraded", "downgraded", "rebuilt", "moved", "amended")

# By manager, the packages of one environment, and those of the image's own system.
_OF_ENVIRONMENT: dict[str, Callable[[EnvironmentLock], Iterable[Any]]] = {
    "conda": lambda environment: environment.conda,
    "pip": lambda environment: environment.pip,
}
_OF_SYSTEM: dict[str, Callable[[LockSet], Iterable[Any]]] = {
    "apt": lambda lock: lock.apt,
}
# What else a lock says, by the name it has in a comparison.
_FACTS: dict[str, Callable[[LockSet], str]] = {
    "source": lambda lock: lock.source.label,
    "base": lambda lock: lock.base.ref,
    "base key": lambda lock: lock.base.key,
    "base glibc": lambda lock: lock.base.glibc,
    "base tar": lambda lock: lock.base.tar.sha256 if lock.base.tar else "",
    "base image": lambda lock: lock.base.image_id,
    "apt asked": lambda lock: ", ".join(lock.apt_inputs),
    "installer": lambda lock: f"{lock.installer.kind}={lock.installer.version}",
    "installer given": lambda lock: "yes" if lock.installer.given else "",
    "installer stand-in": lambda lock: "yes" if lock.installer.stand_in else "",
    "installer url": lambda lock: lock.installer.url,
    "installer sha256": lambda lock: lock.installer.sha256,
    "uv": lambda lock: lock.uv.url if lock.uv else "",
    "uv sha256": lambda lock: lock.uv.sha256 if lock.uv else "",
}


class Package(Value):
    """One side of a change. build is empty where the manager knows none; size in bytes, None where nobody told it."""

    version: str
    build: str = ""
    url: str = ""
    sha256: str = ""
    size: int | None = None


class PackageChange(Value):
    """rebuilt: the same version as another file; moved: the same file from another place.

    amended: the same file, of which the channel says something else (its dependencies, its size). bytes: how much more
    there is to fetch, negative for less; None where a size is unknown.
    """

    change: Change
    manager: str
    name: str
    old: Package | None = None
    new: Package | None = None
    bytes: int | None = None


class Fact(Value):
    """Something said once in a lock. Empty where a side does not say it."""

    name: str
    old: str
    new: str


class EnvironmentDiff(Value):
    """One environment. name is the new one's; the first of an image is compared with the first, whatever its name.

    asked: what the definition asks for now and did not (`+conda numpy>=2`), and the other way round (`-...`).
    """

    name: str
    facts: tuple[Fact, ...] = ()
    asked: tuple[str, ...] = ()
    packages: tuple[PackageChange, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether both sides say the same."""
        return not (self.facts or self.asked or self.packages)


class Bytes(Value):
    """What there is to fetch for all packages. unknown: of how many that only one side has nobody told the size."""

    old: int = 0
    new: int = 0
    unknown: int = 0


class LockDiff(Value):
    """Two locks of one platform. A side that is not there has an empty digest, and then nothing is listed."""

    platform: str
    old: str
    new: str
    facts: tuple[Fact, ...] = ()
    environments: tuple[EnvironmentDiff, ...] = ()
    system: tuple[PackageChange, ...] = ()
    bytes: Bytes = Bytes()

    @property
    def packages(self) -> tuple[PackageChange, ...]:
        """Every change of a package, the system's first."""
        return (*self.system, *(change for one in self.environments for change in one.packages))

    @property
    def counts(self) -> dict[Change, int]:
        """How many packages changed in which way; only ways that there are."""
        found = Counter(change.change for change in self.packages)
        return {change: found[change] for change in CHANGES if found[change]}

    @property
    def empty(self) -> bool:
        """Whether both locks are there and say the same."""
        both = bool(self.old and self.new)
        return both and not (self.facts or self.system) and all(one.empty for one in self.environments)


def compare(old: LockSet | None, new: LockSet | None) -> LockDiff:
    """What makes the new lock out of the old one. One of them may be missing."""
    there = new or old
    if there is None:
        raise ValueError("two missing locks have nothing to compare")
    digests = [lock.digest if lock else "" for lock in (old, new)]
    sizes = _sizes(_all(old), _all(new))
    if old is None or new is None:
        return LockDiff(platform=there.platform, old=digests[0], new=digests[1], bytes=sizes)
    return LockDiff(
        platform=new.platform,
        old=digests[0],
        new=digests[1],
        facts=tuple(_facts(_said(old), _said(new))),
        environments=tuple(one for pair in _pairs(old, new) if not (one := _environment(*pair)).empty),
        system=tuple(_changes(old, new, _OF_SYSTEM)),
        bytes=sizes,
    )


def compare_all(old: Mapping[Any, LockSet], new: Mapping[Any, LockSet]) -> tuple[LockDiff, ...]:
    """The comparison of every platform that one of the sides has, by platform."""
    return tuple(compare(old.get(platform), new.get(platform)) for platform in sorted({*old, *new}))


def _said(lock: LockSet) -> dict[str, str]:
    return {name: told(lock) for name, told in _FACTS.items()}


def _facts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Fact]:
    for name in old:
        if old[name] != new[name]:
            yield Fact(name=name, old=old[name], new=new[name])


def _pairs(
    old: LockSet, new: LockSet
) -> Iterator[tuple[str, EnvironmentLock | None, EnvironmentLock | None]]:
    yield new.environments[0].name, old.environments[0], new.environments[0]
    before = {one.name: one for one in old.environments[1:]}
    after = {one.name: one for one in new.environments[1:]}
    for name in dict.fromkeys((*after, *before)):
        yield name, before.get(name), after.get(name)


_NOBODY = EnvironmentLock(name="", channels=(), conda=(), input_digest="")


def _environment(name: str, old: EnvironmentLock | None, new: EnvironmentLock | None) -> EnvironmentDiff:
    before, after = old or _NOBODY, new or _NOBODY
    return EnvironmentDiff(
        name=name,
        facts=tuple(_facts(_told(before, after), _told(after, before))),
        asked=(
            *(f"+{line}" for line in after.inputs if line not in before.inputs),
            *(f"-{line}" for line in before.inputs if line not in after.inputs),
        ),
        packages=tuple(_changes(before, after, _OF_ENVIRONMENT)),
    )


def _told(one: EnvironmentLock, other: EnvironmentLock) -> dict[str, str]:
    """What an environment says beside its packages; their order only of those that both have."""
    names = {package.name for package in other.conda}
    return {
        "channels": ", ".join(one.channels),
        "variables": ", ".join(f"{name}={value}" for name, value in sorted(one.variables.items())),
        "link order": ", ".join(package.name for package in one.conda if package.name in names),
    }


def _changes(
    old: Any, new: Any, managers: Mapping[str, Callable[[Any], Iterable[Any]]]
) -> Iterator[PackageChange]:
    for manager, packages_of in managers.items():
        before = {package.name: package for package in packages_of(old)}
        after = {package.name: package for package in packages_of(new)}
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                yield _change(manager, name, before.get(name), after.get(name))


def _change(manager: str, name: str, old: Any, new: Any) -> PackageChange:
    sides = [_side(one) if one is not None else None for one in (old, new)]
    sizes = [one.size if one is not None else 0 for one in sides]
    known = None if None in sizes else (sizes[1] or 0) - (sizes[0] or 0)
    return PackageChange(
        change=_way(manager, old, new), manager=manager, name=name, old=sides[0], new=sides[1], bytes=known
    )


def _way(manager: str, old: Any, new: Any) -> Change:
    if old is None or new is None:
        return "added" if old is None else "removed"
    if way := order(manager, old.version, new.version):
        return "upgraded" if way > 0 else "downgraded"
    if (old.version, _build(old), old.sha256) != (new.version, _build(new), new.sha256):
        return "rebuilt"
    return "moved" if old.url != new.url else "amended"


def _side(package: Any) -> Package:
    return Package(
        version=package.version,
        build=_build(package),
        url=package.url,
        sha256=package.sha256,
        size=package.size,
    )


def _build(package: Any) -> str:
    """What tells two packages of one version apart: conda's build, or the architecture of a system's package."""
    return str(getattr(package, "build", "") or getattr(package, "architecture", ""))


def _all(lock: LockSet | None) -> dict[str, int | None]:
    """The sizes of all packages by sha256: each counts once, however many environments have it."""
    if lock is None:
        return {}
    found = [package for packages_of in _OF_SYSTEM.values() for package in packages_of(lock)]
    for environment in lock.environments:
        found += [package for packages_of in _OF_ENVIRONMENT.values() for package in packages_of(environment)]
    return {package.sha256: package.size for package in found}


def _sizes(old: Mapping[str, int | None], new: Mapping[str, int | None]) -> Bytes:
    one_sided = [
        *(old[sha] for sha in old.keys() - new.keys()),
        *(new[sha] for sha in new.keys() - old.keys()),
    ]
    return Bytes(
        old=sum(size or 0 for size in old.values()),
        new=sum(size or 0 for size in new.values()),
        unknown=one_sided.count(None),
    )
