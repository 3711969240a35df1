"""Python distributions as components: those that pip or uv put beside the packages of conda or Debian."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.markers import default_environment
from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from builder.audit.payload.tree import prefix_of
from builder.lock.model import LockSet, PipPackage
from builder.sbom.facts import DistributionFacts
from builder.sbom.licence import of_metadata
from builder.sbom.model import Component, Licence
from builder.sbom.origin import clean_sha256, clean_url
from builder.sbom.places import place_of
from builder.sbom.purl import index_of, pypi_purl

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_MINOR = re.compile(r"/python([0-9]+\.[0-9]+)/")


@dataclass(frozen=True, slots=True)
class Distribution:
    """One, read. name as METADATA spells it. owner: the ref of whose it is, empty where it is its own."""

    name: str
    version: str
    facts: DistributionFacts
    licence: Licence
    requires: tuple[Requirement, ...]

    @property
    def key(self) -> str:
        """The name that requirements find it by."""
        return canonicalize_name(self.name)


def read_distributions(facts: Iterable[DistributionFacts]) -> dict[str, Distribution]:
    """By path; what has no name is none."""
    found = {one.path: _read(one) for one in facts}
    return {path: one for path, one in found.items() if one is not None}


def _read(facts: DistributionFacts) -> Distribution | None:
    raw, _unknown = parse_email(facts.header)
    if not raw.get("name"):
        return None
    licence = of_metadata(
        raw.get("license_expression", ""), raw.get("license", ""), raw.get("classifiers", [])
    )
    lines = (_requirement(line) for line in raw.get("requires_dist", []))
    needs = tuple(line for line in lines if line is not None)
    return Distribution(raw["name"], raw.get("version", ""), facts, licence, needs)


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:  # of old packages; pip would not have followed it either
        return None


def python_components(
    distributions: Mapping[str, Distribution],
    owners: Mapping[str, str],
    interpreters: Mapping[str, str],
    lock: LockSet | None,
    platform: str,
) -> Iterator[Component]:
    """One for each distribution that nobody else brought.

    owners: ref of the conda package by a distribution's path. interpreters: ref of conda's python by prefix.
    """
    refs = {path: _ref(one) for path, one in distributions.items()}
    refs |= {path: ref for path, ref in owners.items() if path in distributions}
    by_site: dict[str, dict[str, Distribution]] = {}
    for one in distributions.values():
        by_site.setdefault(one.facts.site, {})[one.key] = one
    locked = _locked(lock)
    for path, one in distributions.items():
        if one.facts.owner:
            continue
        prefix = prefix_of(one.facts.site)
        needs = {refs[other.facts.path] for other in _needs(one, by_site[one.facts.site], platform)}
        python = {interpreters[prefix]} if prefix in interpreters else set()
        wheel = locked.get((place_of(prefix), one.key, one.version))
        url, sha256 = (clean_url(wheel.url), wheel.sha256) if wheel else _direct(one.facts.direct_url)
        index = index_of(url) if url else ""
        yield Component(
            ref=refs[path],
            kind="pypi",
            name=one.key,
            version=one.version,
            origin=index,
            place=place_of(prefix),
            path=path,
            url=url,
            sha256=sha256,
            purl=pypi_purl(one.name, one.version, index),
            licence=one.licence,
            depends=tuple(sorted((needs | python) - {refs[path]})),
        )


def _ref(one: Distribution) -> str:
    return f"pypi:{place_of(prefix_of(one.facts.site))}:{one.key}"


def _locked(lock: LockSet | None) -> dict[tuple[str, str, str], PipPackage]:
    if lock is None:
        return {}
    return {
        (one.name, package.name, package.version): package for one in lock.environments for package in one.pip
    }


def _direct(text: str) -> tuple[str, str]:
    """URL and sha256 of what was installed by its address (PEP 610); empty where it came from an index."""
    try:
        said = json.loads(text) if text else {}
        archive = said.get("archive_info", {})
        hashed = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
        return clean_url(str(said.get("url", ""))), clean_sha256(str(hashed))
    except (ValueError, AttributeError):
        return "", ""


def _needs(one: Distribution, beside: Mapping[str, Distribution], platform: str) -> list[Distribution]:
    """What it requires there, extras that are asked for included."""
    return [
        beside[canonicalize_name(need.name)]
        for need in _holding(one, _asked_extras(one, beside), platform)
        if canonicalize_name(need.name) in beside
    ]


def _asked_extras(one: Distribution, beside: Mapping[str, Distribution]) -> set[str]:
    """Extras of this one that others require it with."""
    return {
        extra
        for other in beside.values()
        for need in other.requires
        if canonicalize_name(need.name) == one.key
        for extra in need.extras
    }


def _holding(one: Distribution, extras: set[str], platform: str) -> Iterator[Requirement]:
    found = _MINOR.search(f"{one.facts.site}/")
    minor = found[1] if found else "3"
    environment = {key: str(value) for key, value in default_environment().items()}
    environment |= {
        "python_version": minor,
        "python_full_version": f"{minor}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": _MACHINES.get(platform, environment["platform_machine"]),
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for need in one.requires:
        chosen = ({**environment, "extra": extra} for extra in ("", *sorted(extras)))
        if need.marker is None or any(need.marker.evaluate(each) for each in chosen):
            yield need
