"""The newest wheels that an index lists, and what keeps them out of the set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from builder.lock.model import PipPackage
from builder.lock.outdated.model import Holder, PackageRow
from builder.lock.outdated.places import Places
from builder.lock.outdated.rows import rows_of
from builder.lock.target import Target

_MOST = 2
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of an index. requires: the Pythons that it is for, as the index says it."""

    filename: str
    requires: str = ""
    yanked: bool = False


def pip_rows(
    before: Sequence[PipPackage],
    after: Sequence[PipPackage],
    listed: Mapping[str, Sequence[Listed]],
    target: Target | None,
    places: Places,
) -> tuple[PackageRow, ...]:
    """The wheels that move or are held back. listed: the index's files by name; target: of the set after the update."""
    found = _Newest(after, listed, target, places)
    return rows_of("pip", before, after, found.version, found.holders)


class _Newest:
    def __init__(
        self,
        after: Sequence[PipPackage],
        listed: Mapping[str, Sequence[Listed]],
        target: Target | None,
        places: Places,
    ) -> None:
        self.after = {package.name: package for package in after}
        self.target, self.places = target, places
        self.wheels = {
            name: found
            for name, files in listed.items()
            if name in self.after and (found := _newest(files, self.after[name])) is not None
        }
        self.requirers: dict[str, list[str]] = {}
        for package in after:
            for line in package.depends:
                self.requirers.setdefault(line.partition("==")[0], []).append(package.name)

    def version(self, name: str) -> str:
        """The newest version that has a wheel, of final releases where the locked one is final."""
        found = self.wheels.get(name)
        return str(found[0]) if found else ""

    def holders(self, name: str) -> tuple[Holder, ...]:
        """Why it is not in the set: by a line, by what it needs of the machine, or by those that need it."""
        version, files = self.wheels[name]
        for causes in (self._lines(name, version), self._machine(name, version, files), self._others(name)):
            found = tuple(dict.fromkeys(causes))[:_MOST]
            if found:
                return found
        return ()

    def _lines(self, name: str, version: Version) -> Iterator[Holder]:
        for line in self.places.pip.get(name, ()):
            try:
                asked = Requirement(line)
            except InvalidRequirement:
                continue
            if self._counts(asked) and not asked.specifier.contains(version, prereleases=True):
                yield self.places.of_line(line, pip=True)

    def _counts(self, asked: Requirement) -> bool:
        """Whether a line is for this Python and platform; of those that nobody can tell it is said yes."""
        if asked.marker is None or self.target is None:
            return True
        python, machine = self.target.python, _MACHINES[self.target.platform]
        return asked.marker.evaluate(
            {
                "python_version": ".".join(python.split(".")[:2]),
                "python_full_version": python,
                "platform_machine": machine,
                "platform_system": "Linux",
                "sys_platform": "linux",
                "os_name": "posix",
            }
        )

    def _machine(self, name: str, version: Version, files: Sequence[Listed]) -> Iterator[Holder]:
        if self.target is None:
            return
        python = self.target.python
        fitting = [file for file in files if _is_for(file.requires, python)]
        if not fitting:
            why = f"{name} {version} needs Python {files[0].requires}"
            yield self.places.against("python", {}, why)
        elif self.target.best(file.filename for file in fitting) is None:
            yield Holder(why=f"{name} {version} has no wheel for {self.target}")

    def _others(self, name: str) -> Iterator[Holder]:
        # What a wheel asks of another one is in its metadata, which nobody reads for this.
        for other in self.requirers.get(name, ()):
            why = f"{other} {self.after[other].version} needs {name}"
            yield self.places.bringing(other, self.requirers, why, pip=True)


def _newest(files: Sequence[Listed], locked: PipPackage) -> tuple[Version, list[Listed]] | None:
    by_version: dict[Version, list[Listed]] = {}
    early = Version(locked.version).is_prerelease
    for file in files:
        try:
            name, version, _, _ = parse_wheel_filename(file.filename)
        except InvalidWheelFilename:  # a source archive, or a name of old
            continue
        if (
            name == canonicalize_name(locked.name)
            and not file.yanked
            and (early or not version.is_prerelease)
        ):
            by_version.setdefault(version, []).append(file)
    best = max(by_version, default=None)
    return (best, by_version[best]) if best is not None else None


def _is_for(requires: str, python: str) -> bool:
    try:
        return not requires or SpecifierSet(requires).contains(python, prereleases=True)
    except InvalidSpecifier:  # uv passes over what it cannot read, too
        return True
