"""From what was read to components: identity, origin, hash, needs."""

from __future__ import annotations

from builder.sbom.bom import make_bom
from builder.sbom.model import Bom, Component
from tests.support.sbom_samples import FORGE, PREFIX, distribution, image, lock, packages, record


def made(*, locked: bool = True, **changes: object) -> Bom:
    return make_bom("demo", image(), packages(**changes), lock() if locked else None)


def by_ref(bom: Bom) -> dict[str, Component]:
    return {one.ref: one for one in bom.components}


def test_each_package_is_there_once() -> None:
    assert [one.ref for one in made().components] == [
        "conda:demo:numpy",
        "conda:demo:python",
        "pypi:demo:tool",
        "pypi:demo:torch-x",
        "deb:libc6:amd64",
        "deb:libcrypt1:amd64",
        "deb:libgcc-s1:amd64",
        "deb:util-linux:amd64",
    ]


def test_identity_is_a_package_url() -> None:
    assert {one.purl for one in made().components} == {
        "pkg:conda/numpy@2.4.6?build=h1_0&channel=conda-forge&subdir=linux-64&type=conda",
        "pkg:conda/python@3.12.9?build=h1_0&channel=conda-forge&subdir=linux-64&type=conda",
        "pkg:pypi/tool@1.0",
        "pkg:pypi/torch-x@2.1%2Bcpu?repository_url=https://download.pytorch.org/whl/cpu",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12&upstream=glibc",
        "pkg:deb/debian/libcrypt1@1:4.4.33-2?arch=amd64&distro=debian-12",
        "pkg:deb/debian/libgcc-s1@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14",
        "pkg:deb/debian/util-linux@1:2.38.1-5?arch=amd64&distro=debian-12",
    }


def test_hashes_and_origins_come_from_the_lock_or_from_what_the_image_kept() -> None:
    found = by_ref(made())
    assert found["conda:demo:numpy"].sha256 == "c" * 64
    assert found["conda:demo:numpy"].origin == FORGE
    assert found["conda:demo:python"].sha256 == "b" * 64  # of its record: the lock has none
    assert (found["pypi:demo:tool"].sha256, found["pypi:demo:tool"].origin) == (
        "d" * 64,
        "PyPI",
    )
    assert found["deb:util-linux:amd64"].sha256 == "9" * 64
    assert found["deb:util-linux:amd64"].origin == "http://archive.example.org/debian"
    assert found["deb:libc6:amd64"].sha256 == ""


def test_without_a_lock_nothing_is_made_up() -> None:
    bom = made(locked=False)
    assert [one.ref for one in bom.components if one.sha256] == ["conda:demo:python"]
    assert by_ref(bom)["pypi:demo:tool"].origin == ""
    assert by_ref(bom)["pypi:demo:torch-x"].purl == "pkg:pypi/torch-x@2.1%2Bcpu"
    assert any(note.startswith("2 pypi packages have no sha256") for note in bom.notes)


def test_a_lock_counts_only_for_the_very_package() -> None:
    bom = made(conda=(record("numpy", "2.4.7"),))
    assert by_ref(bom)["conda:demo:numpy"].sha256 == ""


def test_needs_are_what_is_installed_beside_it() -> None:
    depends = {one.ref: one.depends for one in made().components}
    assert depends["conda:demo:numpy"] == ("conda:demo:python",)
    assert depends["pypi:demo:torch-x"] == ("conda:demo:numpy", "conda:demo:python", "pypi:demo:tool")
    # `tool[fast]` is asked for by torch-x; the marker for Python 2 does not hold.
    assert depends["pypi:demo:tool"] == ("conda:demo:python", "pypi:demo:torch-x")
    assert depends["deb:libc6:amd64"] == ("deb:libcrypt1:amd64", "deb:libgcc-s1:amd64")
    assert depends["deb:libgcc-s1:amd64"] == ("deb:libc6:amd64",)
    assert depends["deb:util-linux:amd64"] == ("deb:libgcc-s1:amd64",)  # by the name that it provides


def test_every_need_is_a_component() -> None:
    bom = made()
    refs = {one.ref for one in bom.components}
    assert {ref for one in bom.components for ref in one.depends} <= refs


def test_a_conda_package_without_a_sure_licence_has_that_of_its_distribution() -> None:
    licence = by_ref(made())["conda:demo:numpy"].licence
    assert (licence.expression, licence.said) == ("BSD-3-Clause", "BSD")


def test_packages_of_a_kit_say_what_they_are_made_of() -> None:
    wheel = distribution("scikit_learn", "1.9.1", owner="conda")
    kit = {"channel": "kit:///channel/linux-64", "url": ""}
    found = by_ref(
        made(
            conda=(
                record("scikit-learn", "1.9.1", **{**kit, "url": "kit:///channel/linux-64/s-1.9.1-h1_0.conda"},
                       distributions=(wheel.path,)),
                record("python", "3.11.2", **kit),
                record("conda", "26.5.3", **kit, prefix="/opt/conda"),
            ),
            python=(wheel,),
        )
    )  # fmt: skip
    learn = found["conda:demo:scikit-learn"]
    assert learn.purl.startswith("pkg:conda/scikit-learn@1.9.1?build=h1_0&channel=kit:///channel&")
    assert learn.made_from == "pkg:pypi/scikit-learn@1.9.1"
    assert "interpreter of the base's distribution" in found["conda:demo:python"].note
    assert found["conda:base:conda"].purl == "pkg:generic/imgbuild-stand-in-conda@26.5.3"


def test_a_package_that_pip_replaced_is_told_and_not_listed() -> None:
    gone = f"{PREFIX}/lib/python3.12/site-packages/numpy-2.4.6.dist-info"
    newer = distribution("numpy", "2.5.0")
    bom = made(conda=(record("numpy", "2.4.6", distributions=(gone,), replaced=True),), python=(newer,))
    assert [one.ref for one in bom.components if one.kind != "deb"] == ["pypi:demo:numpy"]
    assert f"conda's numpy 2.4.6 in {PREFIX} was replaced by pip" in bom.notes


def test_one_name_twice_has_two_refs() -> None:
    two = distribution("tool", "1.0"), distribution("tool", "0.9")
    refs = [one.ref for one in made(python=two).components if one.kind == "pypi"]
    assert refs == ["pypi:demo:tool", "pypi:demo:tool:2"]


def test_secrets_of_a_record_do_not_come_out() -> None:
    url = "https://me:secret@conda.example.org/t/tk-123456/private/linux-64/numpy-2.4.6-h1_0.conda"
    bom = made(locked=False, conda=(record("numpy", "2.4.6", url=url),))
    text = bom.model_dump_json()
    assert "conda.example.org" in text
    assert "secret" not in text
    assert "tk-123456" not in text


def test_what_was_installed_from_an_address_is_told() -> None:
    direct = '{"url": "https://example.org/w/tool-1.0.whl", "archive_info": {"hashes": {"sha256": "%s"}}}' % (
        "7" * 64
    )
    (tool,) = [
        one
        for one in made(locked=False, python=(distribution("tool", "1.0", direct_url=direct),)).components
        if one.kind == "pypi"
    ]
    assert (tool.sha256, tool.url) == ("7" * 64, "https://example.org/w/tool-1.0.whl")
