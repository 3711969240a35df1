"""What is read below a root; the same code runs inside images."""

from __future__ import annotations

import json
from pathlib import Path

from builder.audit.inside import payload
from builder.sbom.facts import Packages
from builder.sbom.payload.packages import collect

SITE = "opt/conda/envs/x/lib/python3.12/site-packages"


def put(root: Path, path: str, text: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def read(root: Path) -> Packages:
    return Packages.model_validate(json.loads(json.dumps(collect(str(root)))))


def conda(root: Path, name: str, **said: object) -> None:
    put(root, f"opt/conda/envs/x/conda-meta/{name}.json", json.dumps({"name": name, "version": "1", **said}))


def test_records_and_distributions_know_of_each_other(tmp_path: Path) -> None:
    conda(
        tmp_path,
        "numpy",
        files=["lib/python3.12/site-packages/numpy-1.dist-info/METADATA"],
        depends=["python"],
    )
    put(tmp_path, f"{SITE}/numpy-1.dist-info/METADATA", "Name: numpy\nVersion: 1\n\nDescription\n\nName: no")
    put(tmp_path, f"{SITE}/own-2.dist-info/METADATA", "Name: own\nVersion: 2\n")
    put(tmp_path, f"{SITE}/left-3.dist-info/RECORD", "")
    put(tmp_path, f"{SITE}/old.egg-info", "Name: old\nVersion: 4\n")
    put(tmp_path, f"{SITE}/setuptools/_vendor/inner-1.dist-info/METADATA", "Name: inner\n")
    found = read(tmp_path)
    assert [(one.name, one.replaced) for one in found.conda] == [("numpy", False)]
    owners = [(one.header.splitlines()[0], one.owner) for one in found.python]
    assert owners == [("Name: numpy", "conda"), ("Name: old", ""), ("Name: own", "")]
    assert "Description" not in found.python[0].header


def test_a_record_whose_distribution_is_gone_was_replaced(tmp_path: Path) -> None:
    conda(tmp_path, "numpy", files=["lib/python3.12/site-packages/numpy-1.dist-info/METADATA", "bin/f2py"])
    conda(tmp_path, "zlib", files=["lib/libz.so"])
    assert {one.name: one.replaced for one in read(tmp_path).conda} == {"numpy": True, "zlib": False}


def test_damaged_records_are_told_and_the_others_read(tmp_path: Path) -> None:
    conda(tmp_path, "good")
    put(tmp_path, "opt/conda/envs/x/conda-meta/half.json", '{"name": ')
    put(tmp_path, "opt/conda/envs/x/conda-meta/list.json", "[]")
    conda(tmp_path, "odd", version=3, depends="python", files={"a": 1}, license=None, build="\ud800")
    found = read(tmp_path)
    assert [one.name for one in found.conda] == ["good", "odd"]
    assert (found.conda[1].version, found.conda[1].depends, found.conda[1].build) == ("", (), "?")
    assert sorted(Path(path).name for path in found.unread) == ["half.json", "list.json"]


def test_what_debian_brought_is_debian_s(tmp_path: Path) -> None:
    site = "usr/lib/python3/dist-packages"
    put(tmp_path, f"{site}/yaml-6.egg-info", "Name: yaml\nVersion: 6\n")
    put(tmp_path, f"{site}/mine-1.dist-info/METADATA", "Name: mine\nVersion: 1\n")
    put(tmp_path, "var/lib/dpkg/info/python3-yaml.list", f"/.\n/usr\n/{site}/yaml-6.egg-info\n")
    put(
        tmp_path,
        "var/lib/dpkg/status",
        "Package: a\nDescription: long\n more\n .\nVersion: 1\n\n\nPackage: b\n",
    )
    put(tmp_path, "var/lib/dpkg/status.d/c", "Package: c\n")
    put(tmp_path, "var/lib/dpkg/status.d/c.md5sums", "nothing\n")
    found = read(tmp_path)
    assert [one.owner for one in found.python] == ["", "deb"]
    assert found.dpkg == "Package: a\nVersion: 1\n\nPackage: b\n\nPackage: c"


def test_links_stay_below_the_root(tmp_path: Path) -> None:
    put(tmp_path, "usr/share/doc/base/copyright", "see /usr/share/common-licenses/GPL-2")
    (tmp_path / "usr/share/doc/lib").symlink_to("base")
    (tmp_path / "usr/share/doc/evil").symlink_to("/etc")
    put(tmp_path, "usr/lib/os-release", "ID=debian\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").symlink_to("/usr/lib/os-release")
    put(tmp_path, "etc/copyright", "see /usr/share/common-licenses/MPL-2.0")
    found = read(tmp_path)
    assert {name: one.refers for name, one in found.copyright.items()} == {
        "base": ("GPL-2",), "evil": ("MPL-2.0",), "lib": ("GPL-2",),
    }  # fmt: skip
    assert found.os_release == "ID=debian\n"


def test_an_empty_root_has_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == Packages()


def test_what_goes_in_needs_nothing_else() -> None:
    files = payload("builder.audit.payload", "builder.sbom.payload")
    assert {"builder/__init__.py", "builder/audit/__init__.py", "builder/sbom/__init__.py"} <= set(files)
    assert files["builder/sbom/__init__.py"] == b""
    assert b"def collect" in files["builder/sbom/payload/packages.py"]
