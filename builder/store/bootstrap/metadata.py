"""What a wheel says about itself, and its requirements as conda writes them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from builder.errors import BuildError
from builder.store.bootstrap.target import Target

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

_LICENCE_NAME = re.compile(r"[A-Za-z][\w .,+()/-]{1,60}")
_USE_ANOTHER = "ask for another version of it, or put it into the pip section"


@dataclass(frozen=True, slots=True)
class WheelFacts:
    """The part of METADATA that a conda package needs; name and version are normalised (PEP 503, PEP 440)."""

    name: NormalizedName
    version: str
    raw: RawMetadata
    requires: tuple[Requirement, ...]
    python: SpecifierSet

    @property
    def license(self) -> str:
        """The licence as the package spells it: an SPDX expression where it has one."""
        if expression := self.raw.get("license_expression"):
            return expression
        spelled = self.raw.get("license", "").strip()
        if _LICENCE_NAME.fullmatch(spelled):  # many put the whole text there
            return spelled
        kinds = (
            row.rsplit(" :: ", 1)[-1]
            for row in self.raw.get("classifiers", [])
            if row.startswith("License ::")
        )
        return " AND ".join(sorted(kinds)) or "see info/licenses"

    def about(self) -> dict[str, Any]:
        """The rest of what people want to know about it."""
        urls = {key.lower(): url for key, url in self.raw.get("project_urls", {}).items()}
        home = self.raw.get("home_page") or next(
            (urls[key] for key in ("homepage", "home", "source", "repository") if key in urls), ""
        )
        return {"home": home, "summary": self.raw.get("summary", "")}

    def needed(self, target: Target, extras: Sequence[str] = ()) -> list[Requirement]:
        """Requirements that hold on the target; those of extras only when the extra is among `extras`."""
        wanted: dict[str, Requirement] = {}
        for extra in ("", *extras):
            environment = {**target.markers(), "extra": extra}
            for requirement in self.requires:
                if requirement.marker is None or requirement.marker.evaluate(environment):
                    wanted[str(requirement)] = requirement
        return list(wanted.values())


def read_facts(wheel: Path) -> WheelFacts:
    """Read METADATA of a wheel. Raises BuildError when it has none or when it cannot be understood."""
    from packaging.metadata import parse_email  # noqa: PLC0415

    try:
        with zipfile.ZipFile(wheel) as archive:
            member = _metadata_member(archive, wheel)
            raw, _unknown = parse_email(archive.read(member))
        return WheelFacts(
            name=canonicalize_name(raw["name"], validate=True),
            version=str(Version(raw["version"])),
            raw=raw,
            requires=tuple(Requirement(line) for line in raw.get("requires_dist", [])),
            python=SpecifierSet(raw.get("requires_python", "")),
        )
    except (KeyError, ValueError, InvalidRequirement, InvalidSpecifier, zipfile.BadZipFile) as error:
        raise BuildError(
            f"its metadata cannot be read: {error}", where=wheel.name, fix=_USE_ANOTHER
        ) from error


def _metadata_member(archive: zipfile.ZipFile, wheel: Path) -> str:
    own = canonicalize_name(wheel.name.split("-", 1)[0])
    for member in archive.namelist():
        folder, _, name = member.partition("/")
        mine = canonicalize_name(folder.split("-", 1)[0]) == own
        if name == "METADATA" and folder.endswith(".dist-info") and mine:
            return member
    raise BuildError("it has no METADATA", where=wheel.name, fix=_USE_ANOTHER)


def conda_depends(
    facts: WheelFacts,
    target: Target,
    *,
    pinned_python: bool,
    names: Mapping[str, str],
    find: Callable[[str], WheelFacts | None],
) -> tuple[str, ...]:
    """The wheel's requirements as conda dependencies, python first.

    pinned_python: the package lies in the directory of one Python minor. names: distribution to conda name
    where they differ. find: facts of another wheel of the kit, for requirements with extras, which conda does
    not have: what the extra would bring becomes a dependency of its own.
    """
    python = (
        f"python >={target.minor},<{target.next_minor}" if pinned_python else _joined("python", facts.python)
    )
    wanted: dict[str, SpecifierSet] = {}
    waiting = facts.needed(target)
    seen = set()
    while waiting:
        requirement = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name != facts.name:
            wanted[name] = wanted.get(name, SpecifierSet()) & requirement.specifier
        other = facts if name == facts.name else find(name)
        if requirement.extras and other is not None and str(requirement) not in seen:
            seen.add(str(requirement))
            waiting += other.needed(target, sorted(requirement.extras))
    return (python, *sorted(_joined(names.get(name, name), spec) for name, spec in wanted.items()))


def _joined(name: str, specifiers: SpecifierSet) -> str:
    parts = sorted(conda_version(spec.operator, spec.version) for spec in specifiers)
    return f"{name} {','.join(parts)}" if parts else name


def conda_version(operator: str, version: str) -> str:
    """One PEP 440 clause in conda's spelling: `==1.2.*` is `1.2.*`."""
    if operator in {"==", "==="}:
        return version if version.endswith(".*") else f"=={version}"
    return f"{operator}{version}"
