"""A list of components as SPDX 2.3 JSON."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from builder import __version__
from builder.sbom.expression import leaves, parse
from builder.sbom.model import Bom, Component, Licence

MEDIA_TYPE = "application/spdx+json"
_NOTHING = "NOASSERTION"
_DOCUMENT, _ROOT, _SYSTEM = "SPDXRef-DOCUMENT", "SPDXRef-image", "SPDXRef-system"
Data = dict[str, Any]


def spdx(bom: Bom, serial: str) -> Data:
    """The document as plain data. serial: a UUID that names it."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", bom.name).strip("-") or "image"
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": bom.name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{serial}",
        "creationInfo": {"created": bom.created, "creators": [f"Tool: imgbuild-{__version__}"]},
        **({"comment": "\n".join(bom.notes)} if bom.notes else {}),
        "packages": [_image(bom), *_system(bom), *(_package(one) for one in bom.components)],
        "relationships": list(_relationships(bom)),
        "hasExtractedLicensingInfos": list(_own_licences(bom)),
    }


def _bare(spdx_id: str, name: str, version: str, purpose: str) -> Data:
    return {
        "SPDXID": spdx_id,
        "name": name,
        "versionInfo": version,
        "downloadLocation": _NOTHING,
        "filesAnalyzed": False,
        "licenseConcluded": _NOTHING,
        "licenseDeclared": _NOTHING,
        "copyrightText": _NOTHING,
        "primaryPackagePurpose": purpose,
    }


def _image(bom: Bom) -> Data:
    said = [
        f"image {bom.image_id}",
        f"platform {bom.platform}",
        f"source {bom.source}" if bom.source else "",
        f"base {bom.base}" if bom.base else "",
    ]
    made = _bare(_ROOT, bom.name, bom.plan or bom.image_id, "CONTAINER")
    return {**made, "comment": ", ".join(line for line in said if line)}


def _system(bom: Bom) -> Iterator[Data]:
    if bom.system is not None:
        yield _bare(_SYSTEM, bom.system.id, bom.system.version, "OPERATING-SYSTEM")


def _package(one: Component) -> Data:
    made = _bare(_id(one.ref), one.name, one.version, "LIBRARY")
    made["downloadLocation"] = one.url if one.url.startswith(("http://", "https://")) else _NOTHING
    made["licenseDeclared"] = _declared(one.licence)
    if one.sha256:
        made["checksums"] = [{"algorithm": "SHA256", "checksumValue": one.sha256}]
    made["externalRefs"] = [
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": one.purl}
    ]
    made["sourceInfo"] = _source(one)
    if one.licence.expression and one.licence.said not in {"", one.licence.expression}:
        made["licenseComments"] = f"as written: {one.licence.said}"
    return made


def _source(one: Component) -> str:
    where = (
        f"{one.kind} package {one.build} in {one.place}" if one.place else f"{one.kind} package {one.build}"
    )
    parts = [
        f"{' '.join(where.split())}, by {one.path}",
        f"from {one.origin}" if one.origin else "",
        f"source package {one.source}" if one.source else "",
        one.note,
        f"made from {one.made_from}" if one.made_from else "",
    ]
    return "; ".join(part for part in parts if part)


def _id(ref: str) -> str:
    """The name with a digest of the whole ref: with the few characters that are allowed, two may read the same."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", ref).strip("-")
    return f"SPDXRef-{plain}-{hashlib.sha256(ref.encode()).hexdigest()[:8]}"


def _relationships(bom: Bom) -> Iterator[Data]:
    yield _related(_DOCUMENT, "DESCRIBES", _ROOT)
    if bom.system is not None:
        yield _related(_ROOT, "CONTAINS", _SYSTEM)
    for one in bom.components:
        yield _related(_ROOT, "CONTAINS", _id(one.ref))
    for one in bom.components:
        yield from (_related(_id(one.ref), "DEPENDS_ON", _id(other)) for other in one.depends)


def _related(one: str, kind: str, other: str) -> Data:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def _declared(licence: Licence) -> str:
    if licence.expression:
        return licence.expression
    return _said_ref(licence.said) if licence.said else _NOTHING


def _said_ref(said: str) -> str:
    return f"LicenseRef-as-written-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _own_licences(bom: Bom) -> Iterator[Data]:
    """Every LicenseRef of the document, with what is known of it."""
    known: dict[str, set[str]] = {}
    for one in bom.components:
        licence = one.licence
        if licence.expression:
            for leaf in leaves(parse(licence.expression)):
                if leaf.startswith("LicenseRef-"):
                    known.setdefault(leaf, set()).add(licence.refs.get(leaf) or f"as {one.name} declares it")
        elif licence.said:
            known.setdefault(_said_ref(licence.said), set()).add(licence.said)
    for ref, texts in sorted(known.items()):
        yield {
            "licenseId": ref,
            "extractedText": "\n".join(sorted(texts)),
            "name": ref.removeprefix("LicenseRef-"),
        }
