"""A wheel goes in, a conda package comes out."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conda_package_streaming.extract import extract

from builder.errors import BuildError
from builder.store.bootstrap.package import PLACEHOLDER
from builder.store.bootstrap.target import Target
from builder.store.bootstrap.wheels import Converter, is_pure
from tests.support.wheel_samples import record_line, write_wheel

TARGET = Target("3.11.2", "linux/amd64", "2.36")
BINARY = "cp311-cp311-manylinux_2_17_x86_64"
SHA = "a" * 64


class Unpacked:
    """A converted wheel, unpacked."""

    def __init__(self, package: Path, folder: Path) -> None:
        extract(str(package), str(folder))
        self.package, self.root = package, folder
        self.index: dict[str, Any] = json.loads((folder / "info/index.json").read_text())
        self.about: dict[str, Any] = json.loads((folder / "info/about.json").read_text())
        rows = json.loads((folder / "info/paths.json").read_text())["paths"]
        self.paths: dict[str, dict[str, Any]] = {row["_path"]: row for row in rows}

    def text(self, path: str) -> str:
        return (self.root / path).read_text()


def converted(wheel: Path, tmp_path: Path, **options: Any) -> Unpacked:
    package = Converter(tmp_path / "channel", TARGET, **options).convert(wheel, SHA)
    return Unpacked(package, tmp_path / "unpacked")


def test_a_pure_wheel_is_a_noarch_python_package(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, entry_points="[console_scripts]\nsample = sample.cli:main\n")
    made = converted(wheel, tmp_path)
    assert made.package == tmp_path / "channel/noarch/sample-1.2-py_0.conda"
    assert made.index["noarch"] == "python"
    assert made.index["subdir"] == "noarch"
    assert made.text("site-packages/sample/__init__.py") == "VALUE = 7\n"
    link = json.loads(made.text("info/link.json"))
    assert link["noarch"] == {"type": "python", "entry_points": ["sample = sample.cli:main"]}
    assert not (made.root / "bin").exists()


def test_a_binary_wheel_lies_in_the_directory_of_its_python(tmp_path: Path) -> None:
    files = {"sample/core.so": b"\x7fELF"}
    points = "[console_scripts]\nsample = sample.cli:app.main\n"
    wheel = write_wheel(tmp_path, tag=BINARY, files=files, entry_points=points)
    made = converted(wheel, tmp_path)
    assert made.package.parent.name == "linux-64"
    assert made.index["depends"] == ["python >=3.11,<3.12.0a0"]
    assert "noarch" not in made.index
    assert (made.root / "lib/python3.11/site-packages/sample/core.so").read_bytes() == b"\x7fELF"
    script = made.text("bin/sample")
    assert script.splitlines()[0] == f"#!{PLACEHOLDER}/bin/python"
    assert "from sample.cli import app" in script
    assert "sys.exit(app.main())" in script
    assert made.paths["bin/sample"]["prefix_placeholder"] == PLACEHOLDER
    assert made.paths["bin/sample"]["file_mode"] == "text"
    assert (made.root / "bin/sample").stat().st_mode & 0o111


def test_paths_say_hash_and_size_of_every_file(tmp_path: Path) -> None:
    made = converted(write_wheel(tmp_path), tmp_path)
    for path, row in made.paths.items():
        data = (made.root / path).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest(), path
        assert row["size_in_bytes"] == len(data), path
    assert made.text("info/files").splitlines() == sorted(made.paths)
    on_disk = {str(p.relative_to(made.root)) for p in made.root.rglob("*") if p.is_file()}
    assert {path for path in on_disk if not path.startswith("info/")} == set(made.paths)


@pytest.mark.parametrize(
    ("tag", "modules", "scripts"),
    [("py3-none-any", "site-packages", "python-scripts"), (BINARY, "lib/python3.11/site-packages", "bin")],
)
def test_data_directories_go_to_their_places(tmp_path: Path, tag: str, modules: str, scripts: str) -> None:
    data = "sample-1.2.data"
    files = {
        f"{data}/scripts/tool": b"#!python\nprint(1)\n",
        f"{data}/scripts/plain": b"#!/bin/sh\necho 1\n",
        f"{data}/data/share/sample/x.txt": b"x",
        f"{data}/purelib/other.py": b"pure",
        f"{data}/platlib/platform.py": b"plat",
    }
    made = converted(write_wheel(tmp_path, tag=tag, files=files), tmp_path)
    assert made.text(f"{scripts}/tool").startswith(f"#!{PLACEHOLDER}/bin/python\n")
    assert "prefix_placeholder" in made.paths[f"{scripts}/tool"]
    assert made.text(f"{scripts}/plain") == "#!/bin/sh\necho 1\n"
    assert "prefix_placeholder" not in made.paths[f"{scripts}/plain"]
    assert made.text("share/sample/x.txt") == "x"
    assert made.text(f"{modules}/other.py") == "pure"
    assert made.text(f"{modules}/platform.py") == "plat"
    record = made.text(f"{modules}/sample-1.2.dist-info/RECORD")
    assert "../../../bin/tool," in record
    assert "../../../share/sample/x.txt," in record


def test_a_pure_wheel_with_headers_belongs_to_one_python(tmp_path: Path) -> None:
    files = {"sample-1.2.data/headers/sample.h": b"#define X\n"}
    made = converted(write_wheel(tmp_path, files=files), tmp_path)
    assert made.package.parent.name == "linux-64"
    assert made.text("include/python3.11/sample/sample.h") == "#define X\n"


def test_record_and_installer_are_those_of_conda(tmp_path: Path) -> None:
    made = converted(write_wheel(tmp_path), tmp_path)
    info = "site-packages/sample-1.2.dist-info"
    assert made.text(f"{info}/INSTALLER") == "conda\n"
    record = made.text(f"{info}/RECORD").splitlines()
    assert ",".join(record_line("sample/__init__.py", b"VALUE = 7\n")) in record
    assert "sample-1.2.dist-info/RECORD,," in record


def test_origin_and_licences_are_recorded(tmp_path: Path) -> None:
    files = {
        "sample-1.2.dist-info/licenses/LICENSE": b"do what you like",
        "sample-1.2.dist-info/COPYING.txt": b"copy",
        "sample/LICENSE": b"not of the distribution",
    }
    wheel = write_wheel(tmp_path, files=files, metadata=["License-Expression: MIT", "Summary: a sample"])
    made = converted(wheel, tmp_path)
    assert made.text("info/licenses/LICENSE") == "do what you like"
    assert made.text("info/licenses/COPYING.txt") == "copy"
    assert made.index["license"] == "MIT"
    assert made.about["summary"] == "a sample"
    assert made.about["extra"]["converted_from"] == "sample-1.2-py3-none-any.whl"
    assert made.about["extra"]["converted_sha256"] == SHA


def test_the_same_wheel_gives_the_same_bytes(tmp_path: Path) -> None:
    points = "[console_scripts]\nb = sample:b\na = sample:a\n"
    wheel = write_wheel(tmp_path, entry_points=points, files={"sample/z.py": b"z", "sample/a.py": b"a"})
    first = Converter(tmp_path / "one", TARGET).convert(wheel, SHA).read_bytes()
    second = Converter(tmp_path / "two", TARGET).convert(wheel, SHA).read_bytes()
    assert first == second


def test_a_kept_package_is_taken_again_and_not_for_another_wheel(tmp_path: Path) -> None:
    wheel, cache = write_wheel(tmp_path), tmp_path / "cache"
    first = Converter(tmp_path / "one", TARGET, cache=cache).convert(wheel, SHA)
    (kept,) = cache.glob("*/*.conda")
    assert kept.read_bytes() == first.read_bytes()
    kept.write_bytes(b"taken from here")
    assert (
        Converter(tmp_path / "two", TARGET, cache=cache).convert(wheel, SHA).read_bytes()
        == b"taken from here"
    )
    other = Converter(tmp_path / "three", TARGET, cache=cache).convert(wheel, "b" * 64)
    assert other.read_bytes() != b"taken from here"


def test_the_name_in_conda_may_be_another(tmp_path: Path) -> None:
    made = converted(write_wheel(tmp_path, name="torch"), tmp_path, names={"torch": "pytorch"})
    assert made.package.name == "pytorch-1.2-py_0.conda"
    assert made.index["name"] == "pytorch"


@pytest.mark.parametrize(
    "path",
    [
        "../evil.py",
        "/etc/evil",
        "sample/../../evil.py",
        "sample-1.2.data/scripts/../../evil",
        "a\nb.py",
        "a\\b.py",
    ],
)
def test_files_outside_their_place_are_refused(tmp_path: Path, path: str) -> None:
    wheel = write_wheel(tmp_path, files={path: b"evil"})
    with pytest.raises(BuildError) as caught:
        Converter(tmp_path / "channel", TARGET).convert(wheel, SHA)
    assert caught.value.where == "sample-1.2-py3-none-any.whl"
    assert not list((tmp_path / "channel").rglob("*.conda"))


def test_a_record_that_names_a_file_outside_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, extra_records=[("../../evil.py", "", "")])
    with pytest.raises(BuildError, match=r"evil\.py.*leaves the place"):
        Converter(tmp_path / "channel", TARGET).convert(wheel, SHA)


def test_a_file_that_record_does_not_name_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("sample/late.py", "late")
    with pytest.raises(BuildError, match=r"late\.py"):
        Converter(tmp_path / "channel", TARGET).convert(wheel, SHA)


@pytest.mark.parametrize(
    "line",
    [
        "../evil = sample:main",
        "a/b = sample:main",
        ".hidden = sample:main",
        "$(x) = sample:main",
        "ok = sample:1x",
    ],
)
def test_hostile_entry_points_are_refused(tmp_path: Path, line: str) -> None:
    wheel = write_wheel(tmp_path, entry_points=f"[console_scripts]\n{line}\n")
    with pytest.raises(BuildError, match="entry point"):
        Converter(tmp_path / "channel", TARGET).convert(wheel, SHA)


def test_one_path_from_two_places_is_refused(tmp_path: Path) -> None:
    files = {"sample-1.2.data/purelib/sample/__init__.py": b"other"}
    with pytest.raises(BuildError, match="twice"):
        Converter(tmp_path / "channel", TARGET).convert(write_wheel(tmp_path, files=files), SHA)


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample-1.2-py3-none-any.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(BuildError, match="metadata"):
        Converter(tmp_path / "channel", TARGET).convert(path, SHA)


@pytest.mark.parametrize(
    ("name", "pure"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp38-abi3-manylinux_2_17_x86_64.whl", False),
        ("a-1-py3-none-manylinux_2_17_x86_64.whl", False),
    ],
)
def test_purity_is_read_from_the_tags(name: str, pure: bool) -> None:
    assert is_pure(name) is pure
