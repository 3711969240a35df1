"""What an image is made of, held against what its own conda and dpkg say, and against readers that are not ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.engine.port import Engine, ImageInfo
from builder.errors import ProofError
from builder.progress import Event, Note, silent
from builder.sbom.bom import make_bom
from builder.sbom.facts import Packages
from builder.sbom.read import read_packages
from tests.support.engine_base import tar_of, unique
from tests.support.sbom_readers import read_cyclonedx, read_spdx
from tests.support.workshop import PREFIX, Ran, Workshop, project_at

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/report:latest"
PLACES = {"report": "/opt/conda/envs/report", "base": "/opt/conda"}


@pytest.fixture(scope="module")
def built(workshop: Workshop, engine: Engine) -> ImageInfo:
    """conda packages, a wheel on top of them, Debian's base."""
    done = workshop.run("build", "report", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    found = engine.find(IMAGE)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def listed(workshop: Workshop, built: ImageInfo) -> Any:
    done = sbom(workshop, "report")
    assert done.code == 0, done.err
    return done.document


def sbom(workshop: Workshop, *words: str, env: dict[str, str] | None = None) -> Ran:
    return workshop.run("sbom", *words, "--kit", str(workshop.kit), "--json", env=env)


def inside(*argv: str) -> str:
    run = ["docker", "run", "--rm", "--network", "none", "--entrypoint", argv[0], IMAGE, *argv[1:]]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said(document: Any, name: str) -> dict[str, str]:
    """A property of each package by its reference."""
    return {
        one["bom-ref"]: each["value"]
        for one in document["components"]
        for each in one.get("properties", ())
        if each["name"] == f"imgbuild:{name}"
    }


@pytest.mark.parametrize("place", PLACES)
def test_each_package_that_conda_lists_is_there_and_no_other(listed: Any, place: str) -> None:
    rows = json.loads(inside("/opt/conda/bin/conda", "list", "-p", PLACES[place], "--json"))
    kinds, places = said(listed, "kind"), said(listed, "environment")
    mine = sorted(
        (kinds[one["bom-ref"]], one["name"], one["version"])
        for one in listed["components"]
        if places.get(one["bom-ref"]) == place
    )
    theirs = [("pypi" if row["channel"] == "pypi" else "conda", row["name"], row["version"]) for row in rows]
    assert mine == sorted(theirs)
    assert len(mine) > 5


def test_each_package_that_dpkg_lists_is_there_and_no_other(listed: Any) -> None:
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    theirs = [
        line.split()[1:]
        for line in inside("dpkg-query", "-W", "-f", form).splitlines()
        if line.startswith("installed ")
    ]
    kinds, architectures = said(listed, "kind"), said(listed, "architecture")
    mine = [
        [one["name"], one["version"], architectures[one["bom-ref"]]]
        for one in listed["components"]
        if kinds.get(one["bom-ref"]) == "deb"
    ]
    assert sorted(mine) == sorted(theirs)
    assert len(mine) > 50


def test_readers_that_are_not_ours_take_what_the_build_kept(workshop: Workshop, listed: Any) -> None:
    kept = workshop.root / ".imgbuild/report"
    packages = sum("purl" in one for one in listed["components"])
    bom = read_cyclonedx((kept / "sbom.cdx.json").read_bytes())
    assert len(bom.components) == packages + 1  # and the system
    document = read_spdx((kept / "sbom.spdx.json").read_bytes())
    assert len(document.packages) == packages + 2  # and the image


def test_it_is_the_same_bytes_each_time_and_the_build_kept_them(
    workshop: Workshop, built: ImageInfo, tmp_path: Path
) -> None:
    kept = workshop.root / ".imgbuild/report"
    for name, form, kind in ((IMAGE, "cyclonedx", "cdx"), ("report", "spdx", "spdx")):
        path = tmp_path / kind
        done = sbom(workshop, name, "--format", form, "-o", str(path))
        assert (done.code, done.document["file"]) == (0, str(path)), done.err
        assert path.read_bytes() == (kept / f"sbom.{kind}.json").read_bytes()


def test_every_archive_has_the_hash_that_the_lock_names(workshop: Workshop, listed: Any) -> None:
    page = (workshop.kit / "locks/report/conda-lock.yml").read_text()
    places = said(listed, "environment")
    mine = [one for one in listed["components"] if places.get(one["bom-ref"]) == "report"]
    assert len(mine) > 10
    for one in mine:
        (hashed,) = one["hashes"]
        assert f"sha256: {hashed['content']}" in page, one["name"]
        (address,) = [each["url"] for each in one["externalReferences"]]
        assert address.startswith("kit:///")


def test_what_is_a_stand_in_says_so(listed: Any) -> None:
    found = {one["bom-ref"]: one for one in listed["components"]}
    numpy = found["conda:report:numpy"]
    assert "channel=kit:///channel" in numpy["purl"]
    assert numpy["pedigree"]["ancestors"][0]["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
    assert found["conda:base:conda"]["purl"].startswith("pkg:generic/imgbuild-stand-in-conda@")
    assert any("stand-in kit" in each["value"] for each in listed["metadata"]["properties"])


def test_needs_reach_across_the_package_managers(listed: Any) -> None:
    needs = {one["ref"]: one["dependsOn"] for one in listed["dependencies"]}
    assert "conda:report:numpy" in needs["conda:report:pandas"]
    assert needs["pypi:report:tabulate"] == ["conda:report:python"]
    assert "deb:libc6:amd64" in needs["deb:bash:amd64"]


def test_layers_say_what_the_inside_says(built: ImageInfo, engine: Engine) -> None:
    assert read_packages(engine, built, silent) == read_packages(engine, built, silent, reading="layers")


def test_an_image_without_a_python_is_read_from_its_layers(engine: Engine, built: ImageInfo) -> None:
    base = engine.find_by_label({"io.imgbuild.kind": "base"})[0]
    told: list[Event] = []
    bom = make_bom("base", base, read_packages(engine, base, told.append), None)
    assert any(isinstance(event, Note) and "its layers are read" in event.text for event in told)
    assert (bom.count("conda"), bom.count("pypi")) == (0, 0)
    assert bom.count("deb") > 50
    assert bom.system is not None
    assert (bom.system.id, bom.system.version) == ("debian", "12")


@pytest.fixture
def derived(built: ImageInfo, engine: Engine) -> Iterator[ImageInfo]:
    """The image with a wheel that pip put over a package of conda's, and a Python that ends at once."""
    site = "/opt/conda/envs/report/lib/python3.11/site-packages"
    page = (
        f"FROM {IMAGE}\nUSER 0\n"
        f"RUN rm -r {site}/cycler-*.dist-info && mkdir {site}/cycler-99.dist-info && "
        f"printf 'Name: cycler\\nVersion: 99\\n' > {site}/cycler-99.dist-info/METADATA && "
        "rm /opt/conda/envs/report/bin/python3.11 && "
        "printf '#!/bin/sh\\nexit 3\\n' > /opt/conda/envs/report/bin/python3.11 && "
        "chmod 755 /opt/conda/envs/report/bin/python3.11\n"
    )
    tag = unique("replaced")
    engine.build([tar_of({"Dockerfile": page.encode()})], tag=tag, labels={}, platform=built.platform,
                 network="none", observer=silent)  # fmt: skip
    found = engine.find(tag)
    assert found is not None
    yield found
    engine.remove(tag)


def test_what_pip_replaced_and_a_python_that_is_broken(derived: ImageInfo, engine: Engine) -> None:
    with pytest.raises(ProofError) as caught:
        read_packages(engine, derived, silent)
    assert "it ended with 3" in caught.value.what
    assert "--from layers" in caught.value.fix
    found: Packages = read_packages(engine, derived, silent, reading="layers")
    bom = make_bom("derived", derived, found, None)
    assert [(one.kind, one.version) for one in bom.components if one.name == "cycler"] == [("pypi", "99")]
    assert any("cycler" in note and "replaced by pip" in note for note in bom.notes)


def test_another_project_has_no_lock_for_it_and_says_what_is_missing(
    workshop: Workshop, built: ImageInfo, tmp_path: Path
) -> None:
    (tmp_path / "envs").mkdir()
    shutil.copy(workshop.root / "envs/_bases.yml", tmp_path / "envs")
    done = Workshop(tmp_path, workshop.kit, workshop.cache).run("sbom", built.id, "--licences", "--json")
    assert done.code == 0, done.err
    assert done.document["image"] == "report"
    assert any(note.startswith("1 pypi package has no sha256") for note in done.document["notes"])


def test_source_date_epoch_is_the_time(workshop: Workshop, built: ImageInfo) -> None:
    done = sbom(workshop, IMAGE, env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert done.document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    wrong = sbom(workshop, IMAGE, env={"SOURCE_DATE_EPOCH": "noon"})
    assert (wrong.code, wrong.document["error"]["where"]) == (2, "SOURCE_DATE_EPOCH")


def test_licences_are_held_against_the_definition(
    workshop: Workshop, built: ImageInfo, tmp_path: Path
) -> None:
    mine = Workshop(project_at(tmp_path / "project"), workshop.kit, workshop.cache)
    page = mine.root / "envs/report/image.yml"
    before = page.read_text()

    page.write_text(f"{before}\nlicences: {{deny: [PSF-2.0], kinds: [conda, pypi]}}\n")
    refused = sbom(mine, "report", "--check")
    assert refused.code == 6
    assert {one["package"] for one in refused.document["findings"]} == {"python"}
    assert "python has a licence that is not allowed" in refused.err
    assert any(
        one.startswith("scipy ") for one in refused.document["unknown"]
    )  # `BSD License` is no sure name

    allowed = '[{check: licence, package: python, reason: "we read it"}]'
    page.write_text(f"{before}\nlicences: {{deny: [PSF-2.0], kinds: [conda, pypi]}}\nallow: {allowed}\n")
    passed = sbom(mine, "report", "--check")
    assert (passed.code, passed.document["passed"]) == (0, True)
    assert [why["reason"] for _, why in passed.document["allowed"]] == ["we read it"]

    page.write_text(before)
    without = sbom(mine, "report", "--check")
    assert without.code == 2
    assert "has no `licences:`" in without.document["error"]["what"]


def test_an_image_with_a_licence_that_is_denied_does_not_get_its_name(
    workshop: Workshop, engine: Engine, tmp_path: Path
) -> None:
    mine = Workshop(project_at(tmp_path / "project"), workshop.kit, workshop.cache)
    page = mine.root / "envs/tiny/image.yml"
    done = mine.run("build", "tiny", "--kit", str(mine.kit), "--json")
    assert done.code == 0, done.err
    page.write_text(f"{page.read_text()}\nlicences: {{deny: [MIT], kinds: [conda]}}\n")
    denied = mine.run("build", "tiny", "--kit", str(mine.kit), "--json")
    assert denied.code == 6
    record = json.loads((mine.root / ".imgbuild/tiny/record.json").read_text())
    (result,) = [one for one in record["verdict"]["results"] if one["name"] == "licences"]
    assert result["outcome"] == "failed"
    assert re.search(r"pip \S+ \(conda\) is under MIT", result["reason"])
    page.write_text(page.read_text().replace("[MIT]", "[AGPL-3.0-only]"))
    again = mine.run("build", "tiny", "--kit", str(mine.kit), "--json")
    assert again.code == 0, again.err
