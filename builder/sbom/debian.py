"""Packages of the base's own system as components: what dpkg says is installed, and what the lock says of `apt:`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from builder.lock.model import AptPackage, LockSet
from builder.sbom.facts import Terms
from builder.sbom.licence import of_debian
from builder.sbom.model import Component, System
from builder.sbom.origin import clean_url
from builder.sbom.purl import deb_purl

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.-]+)")
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^)]+)\))?")
Stanza = Mapping[str, str]


def system_of(os_release: str) -> System | None:
    """What os-release says; None without one."""
    said = {}
    for line in os_release.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            said[key] = value.strip().strip("\"'")
    if not said.get("ID"):
        return None
    return System(id=said["ID"], version=said.get("VERSION_ID", ""), name=said.get("PRETTY_NAME", ""))


def debian_components(
    status: str, copyrights: Mapping[str, Terms], system: System | None, lock: LockSet | None
) -> Iterator[Component]:
    """One for each installed package, sorted by name and architecture."""
    stanzas = sorted(_installed(status), key=lambda one: (one["package"], one.get("architecture", "")))
    there = _providers(stanzas)
    locked = _locked(lock)
    vendor, release = (system.id, system.version) if system else ("debian", "")
    for stanza in stanzas:
        name, version = stanza["package"], stanza.get("version", "")
        architecture = stanza.get("architecture", "")
        archive = locked.get((name, version))
        url = clean_url(archive.url) if archive else ""
        source = _source(stanza)
        yield Component(
            ref=_ref(stanza),
            kind="deb",
            name=name,
            version=version,
            build=architecture,
            origin=url.partition("/pool/")[0],
            path="/var/lib/dpkg/status",
            url=url,
            sha256=archive.sha256 if archive else "",
            purl=deb_purl(
                name, version, architecture=architecture, vendor=vendor, release=release, source=source
            ),
            licence=of_debian(copyrights.get(name), name),
            depends=_depends(stanza, there),
            source=source,
        )


def _installed(status: str) -> Iterator[Stanza]:
    for text in re.split(r"\n\s*\n", status):
        stanza = {name.lower(): value.strip() for name, value in _FIELD.findall(text)}
        # Images without a shell keep stanzas without a status: what is there is installed.
        if stanza.get("package") and stanza.get("status", "installed").split()[-1] == "installed":
            yield stanza


def _ref(stanza: Stanza) -> str:
    return f"deb:{stanza['package']}:{stanza.get('architecture', '')}"


def _locked(lock: LockSet | None) -> dict[tuple[str, str], AptPackage]:
    return {(package.name, package.version): package for package in lock.apt} if lock else {}


def _source(stanza: Stanza) -> str:
    """`glibc 2.36-9` of libc6; empty where the source package has the same name and version."""
    found = _SOURCE.match(stanza.get("source", ""))
    if found is None:
        return ""
    return f"{found[1]} {found[2]}" if found[2] else found[1]


def _providers(stanzas: list[Stanza]) -> dict[str, list[str]]:
    """Refs by the names that they answer to, their own first."""
    found: dict[str, list[str]] = {}
    for stanza in stanzas:
        found.setdefault(stanza["package"], []).append(_ref(stanza))
    for stanza in stanzas:
        for name in _names(stanza.get("provides", "")):
            found.setdefault(name, []).append(_ref(stanza))
    return found


def _names(line: str) -> list[str]:
    return [match[1] for part in line.split(",") if (match := _NAME.match(part))]


def _depends(stanza: Stanza, there: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Of each group of alternatives the first that is installed, of the same architecture where there are several."""
    lines = ", ".join(stanza[field] for field in ("pre-depends", "depends") if stanza.get(field))
    found: set[str] = set()
    for group in lines.split(","):
        names = [match[1] for part in group.split("|") if (match := _NAME.match(part))]
        refs = next((there[name] for name in names if name in there), [])
        same = [ref for ref in refs if ref.endswith((f":{stanza.get('architecture', '')}", ":all"))]
        found.update((same or refs)[:1])
    return tuple(sorted(found - {_ref(stanza)}))
