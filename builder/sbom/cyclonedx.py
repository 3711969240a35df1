"""A list of components as CycloneDX 1.6 JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builder import __version__
from builder.sbom.model import Bom, Component, Licence

MEDIA_TYPE = "application/vnd.cyclonedx+json"
_ROOT, _SYSTEM = "image", "system"
Data = dict[str, Any]


def cyclonedx(bom: Bom, serial: str) -> Data:
    """The document as plain data. serial: a UUID that names it."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": bom.created,
            "tools": {"components": [{"type": "application", "name": "imgbuild", "version": __version__}]},
            "component": _image(bom),
            "properties": _properties([("note", note) for note in bom.notes]),
        },
        "components": [*_system(bom), *(_component(one) for one in bom.components)],
        "dependencies": list(_dependencies(bom)),
    }


def _image(bom: Bom) -> Data:
    said = [
        ("image-id", bom.image_id),
        ("platform", bom.platform),
        ("plan", bom.plan),
        ("source", bom.source),
        ("base", bom.base),
    ]
    return {
        "type": "container",
        "bom-ref": _ROOT,
        "name": bom.name,
        "version": bom.plan or bom.image_id,
        "properties": _properties(said),
    }


def _system(bom: Bom) -> Iterator[Data]:
    if bom.system is not None:
        made = {
            "type": "operating-system",
            "bom-ref": _SYSTEM,
            "name": bom.system.id,
            "version": bom.system.version,
            "description": bom.system.name,
        }
        yield {key: value for key, value in made.items() if value}


def _component(one: Component) -> Data:
    made: Data = {
        "type": "library",
        "bom-ref": one.ref,
        "name": one.name,
        "version": one.version,
        "hashes": [{"alg": "SHA-256", "content": one.sha256}] if one.sha256 else [],
        "licenses": _licences(one.licence),
        "purl": one.purl,
        "externalReferences": [{"type": "distribution", "url": one.url}] if one.url else [],
        "pedigree": _pedigree(one),
        "evidence": {"occurrences": [{"location": one.path}]},
        "properties": _properties(_said(one)),
    }
    return {key: value for key, value in made.items() if value or key == "version"}


def _said(one: Component) -> list[tuple[str, str]]:
    origin = "channel" if one.kind == "conda" else "index" if one.kind == "pypi" else "archive"
    build = "architecture" if one.kind == "deb" else "build"
    spelled = (
        one.licence.said if one.licence.expression and one.licence.said != one.licence.expression else ""
    )
    return [
        ("kind", one.kind),
        ("environment", one.place),
        (build, one.build),
        (origin, one.origin),
        ("source-package", one.source),
        ("licence-as-written", spelled),
        ("note", one.note),
    ]


def _licences(licence: Licence) -> list[Data]:
    if licence.expression:
        return [{"expression": licence.expression, "acknowledgement": "declared"}]
    if licence.said:
        return [{"license": {"name": licence.said, "acknowledgement": "declared"}}]
    return []


def _pedigree(one: Component) -> Data:
    if not one.made_from:
        return {}
    ancestor = {"type": "library", "name": one.name, "version": one.version, "purl": one.made_from}
    return {"ancestors": [ancestor], "notes": one.note}


def _dependencies(bom: Bom) -> Iterator[Mapping[str, Any]]:
    system = [_SYSTEM] if bom.system is not None else []
    yield {"ref": _ROOT, "dependsOn": [*system, *(one.ref for one in bom.components)]}
    yield from ({"ref": ref, "dependsOn": []} for ref in system)
    yield from ({"ref": one.ref, "dependsOn": list(one.depends)} for one in bom.components)


def _properties(said: list[tuple[str, str]]) -> list[Data]:
    return [{"name": f"imgbuild:{name}", "value": value} for name, value in said if value]
