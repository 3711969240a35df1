"""Conda packages as components: what conda noted of each when it linked it, and what the lock says of its archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from builder.lock.depends import name_and_constraint
from builder.lock.model import CondaPackage, LockSet
from builder.sbom.facts import CondaRecord
from builder.sbom.licence import spoken
from builder.sbom.model import Component, Licence
from builder.sbom.origin import clean_sha256, clean_url
from builder.sbom.places import place_of
from builder.sbom.purl import conda_purl, purl, pypi_purl
from builder.sbom.python import Distribution

KIT = "kit:///"
_PYTHON = "made from the interpreter of the base's distribution when the kit was made"
_CONDA = "a stand-in that does what an image build needs of conda, and not conda itself"
_WHEEL = "converted from a wheel when the kit was made"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the archive came from, as far as lock or record tell."""

    channel: str = ""
    url: str = ""
    sha256: str = ""


def ref_of(prefix: str, name: str) -> str:
    """What other components call it."""
    return f"conda:{place_of(prefix)}:{name}"


def conda_components(
    records: Iterable[CondaRecord], distributions: Mapping[str, Distribution], lock: LockSet | None
) -> Iterator[Component]:
    """One for each record that still holds. distributions: of Python, by their path."""
    mine = [record for record in records if not record.replaced]
    there = {ref_of(record.prefix, record.name) for record in mine}
    locked = _locked(lock)
    for record in mine:
        own = [distributions[path] for path in record.distributions if path in distributions]
        origin = _origin(record, locked)
        made_from, note = _converted(record, origin, own)
        yield Component(
            ref=ref_of(record.prefix, record.name),
            kind="conda",
            name=record.name,
            version=record.version,
            build=record.build,
            origin=origin.channel,
            place=place_of(record.prefix),
            path=record.record,
            url=origin.url,
            sha256=origin.sha256,
            purl=_purl(record, origin, note),
            licence=_licence(record, own),
            depends=_depends(record, there),
            made_from=made_from,
            note=note,
        )


def _locked(lock: LockSet | None) -> dict[tuple[str, str, str, str], CondaPackage]:
    if lock is None:
        return {}
    return {
        (one.name, package.name, package.version, package.build): package
        for one in lock.environments
        for package in one.conda
    }


def _origin(record: CondaRecord, locked: Mapping[tuple[str, str, str, str], CondaPackage]) -> Origin:
    package = locked.get((place_of(record.prefix), record.name, record.version, record.build))
    if package is not None:
        return Origin(package.channel, clean_url(package.url), package.sha256)
    url = clean_url(record.url)
    channel = (url.rpartition("/")[0] or record.channel).removesuffix(f"/{record.subdir}")
    return Origin(channel, url, clean_sha256(record.sha256))


def _converted(record: CondaRecord, origin: Origin, own: list[Distribution]) -> tuple[str, str]:
    """(purl of what it was made from, a note) for a package of a bootstrapped kit."""
    if not origin.channel.startswith(KIT):
        return "", ""
    if record.name == "python":
        return "", _PYTHON
    if record.name == "conda":
        return "", _CONDA
    return (pypi_purl(own[0].name, own[0].version), _WHEEL) if len(own) == 1 else ("", "")


def _purl(record: CondaRecord, origin: Origin, note: str) -> str:
    if note == _CONDA:  # what is known of conda's faults is not known of this
        return purl("generic", "imgbuild-stand-in-conda", record.version, {})
    return conda_purl(
        record.name,
        record.version,
        build=record.build,
        channel=origin.channel,
        subdir=record.subdir,
        filename=origin.url or record.fn,
    )


def _licence(record: CondaRecord, own: list[Distribution]) -> Licence:
    """The record's; where that is not understood, what the one distribution in it says."""
    said = spoken(record.license)
    if said.expression or len(own) != 1 or not own[0].licence.expression:
        return said
    return own[0].licence.model_copy(update={"said": said.said or own[0].licence.said})


def _depends(record: CondaRecord, there: set[str]) -> tuple[str, ...]:
    """Those that are installed beside it; `__glibc` and the like are no packages."""
    names = {name_and_constraint(line)[0] for line in record.depends}
    refs = {ref_of(record.prefix, name) for name in names if name and not name.startswith("__")}
    return tuple(sorted((refs & there) - {ref_of(record.prefix, record.name)}))
