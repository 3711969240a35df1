"""Both formats, as readers that are not ours take them; the same bytes for the same image."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from builder.sbom.bom import make_bom
from builder.sbom.documents import document, documents
from builder.sbom.facts import DistributionFacts, Packages, Terms
from builder.sbom.model import Bom
from tests.support.sbom_readers import read_cyclonedx, read_spdx
from tests.support.sbom_samples import SITE, image, lock, packages, record

CYCLONEDX, SPDX = "application/vnd.cyclonedx+json", "application/spdx+json"


def made(found: Packages | None = None, **changes: object) -> Bom:
    return make_bom("demo", image(**changes), found or packages(), lock())


def parts(bom: Bom) -> tuple[Any, Any]:
    return document(bom, "cyclonedx"), document(bom, "spdx")


def test_readers_that_are_not_ours_take_both() -> None:
    both = documents(made())
    assert set(both) == {CYCLONEDX, SPDX}
    bom, spdx = read_cyclonedx(both[CYCLONEDX]), read_spdx(both[SPDX])
    assert len(bom.components) == len(made().components) + 1  # and the system
    assert len(spdx.packages) == len(made().components) + 2  # and the system and the image


def test_both_name_the_same_packages() -> None:
    cyclonedx, spdx = parts(made())
    ours = sorted(one.purl for one in made().components)
    assert sorted(one["purl"] for one in cyclonedx["components"] if "purl" in one) == ours
    named = [ref["referenceLocator"] for one in spdx["packages"] for ref in one.get("externalRefs", [])]
    assert sorted(named) == ours


def test_package_urls_are_as_their_library_writes_them() -> None:
    for one in made().components:
        assert PackageURL.from_string(one.purl).to_string() == one.purl


def test_needs_are_in_both() -> None:
    cyclonedx, spdx = parts(made())
    edges = {(one["ref"], other) for one in cyclonedx["dependencies"] for other in one["dependsOn"]}
    assert ("pypi:demo:torch-x", "conda:demo:numpy") in edges
    names = {one["SPDXID"]: one["name"] for one in spdx["packages"]}
    related = {
        (names[one["spdxElementId"]], names[one["relatedSpdxElement"]])
        for one in spdx["relationships"]
        if one["relationshipType"] == "DEPENDS_ON"
    }
    assert len(related) == sum(len(one.depends) for one in made().components)
    assert ("torch-x", "numpy") in related


def test_licences_that_are_no_expression_are_kept_as_text() -> None:
    cyclonedx, spdx = parts(made())
    (libc,) = [one for one in cyclonedx["components"] if one["name"] == "libc6"]
    said = "GPL-2, LGPL-2.1 (named in /usr/share/doc/libc6/copyright)"
    assert libc["licenses"] == [{"license": {"name": said, "acknowledgement": "declared"}}]
    (declared,) = [one["licenseDeclared"] for one in spdx["packages"] if one["name"] == "libc6"]
    texts = {one["licenseId"]: one["extractedText"] for one in spdx["hasExtractedLicensingInfos"]}
    assert texts[declared] == said
    assert texts["LicenseRef-debian-public-domain"] == "public-domain"


def test_the_same_image_is_the_same_bytes_whatever_the_order() -> None:
    found = packages()
    other = found.model_copy(update={"conda": found.conda[::-1], "python": found.python[::-1]})
    assert documents(made(found)) == documents(made(other))


def test_another_image_is_another_document() -> None:
    one, other = made(), made(id="sha256:" + "b" * 64)
    assert document(one, "cyclonedx")["serialNumber"] != document(other, "cyclonedx")["serialNumber"]
    assert document(one, "spdx")["documentNamespace"] != document(other, "spdx")["documentNamespace"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document(one, "cyclonedx")["serialNumber"])


def test_time_is_the_image_s() -> None:
    cyclonedx, spdx = parts(made())
    assert cyclonedx["metadata"]["timestamp"] == spdx["creationInfo"]["created"] == "2026-11-26T12:53:34Z"
    old, _ = parts(made(created="0001-01-01T00:00:00Z"))
    assert old["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"


texts = st.text(st.characters(codec="utf-8"), max_size=40)
names = texts.filter(str.strip)


@settings(max_examples=40)
@given(
    name=names,
    words=st.lists(texts, min_size=7, max_size=7),
    spelled=st.lists(texts, max_size=3),
    refers=st.lists(texts, max_size=2),
)
def test_whatever_an_image_says_both_documents_are_valid(
    name: str, words: list[str], spelled: list[str], refers: list[str]
) -> None:
    version, url, channel, licence, sha256, header, status = words
    wild = Packages(
        os_release=f"ID={version}\nVERSION_ID={channel}",
        conda=(
            record(
                name,
                version,
                url=url,
                channel=channel,
                license=licence,
                sha256=sha256,
                depends=(header, name),
            ),
            record("numpy", "1", url=f"https://example.org/{url}", license=f"{licence} AND MIT"),
        ),
        python=(
            DistributionFacts(
                site=SITE,
                path=f"{SITE}/{url}.dist-info",
                header=f"Name: {name}\nVersion: {version}\n{header}\nRequires-Dist: {channel}",
                direct_url=json.dumps({"url": url, "archive_info": {"hash": f"sha256={sha256}"}}),
            ),
        ),
        dpkg=f"Package: x\nVersion: {version}\nSource: {channel}\nDepends: {status}\n\n{status}",
        copyright={"x": Terms(names=tuple(spelled), refers=tuple(refers))},
    )
    for media, data in documents(made(wild)).items():
        read_cyclonedx(data) if media == CYCLONEDX else read_spdx(data)
