"""What conda and uv make of an archive, worked out without them; the integration tests hold it against both."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import CondaPackage, PipPackage
from builder.verify.archives import Held, Place, sha256
from builder.verify.conda import hold_conda, in_binary, short_shebang
from builder.verify.wheels import hold_wheel
from tests.support.conda_packages import PLACEHOLDER, File, Made, Recipe, make
from tests.support.wheel_samples import write_wheel

PREFIX = "/opt/conda/envs/train"
SITE = f"{PREFIX}/lib/python3.11/site-packages"


def held() -> Held:
    return Held(Place("train", PREFIX, "3.11"))


def conda(made: Made) -> CondaPackage:
    return CondaPackage(
        url=made.url, sha256=made.sha256, name=made.name, version="1.0", build="0", subdir=made.subdir,
        channel="https://conda.anaconda.org/conda-forge", md5=made.md5,
    )  # fmt: skip


def wheel(path: Path, name: str = "sample") -> PipPackage:
    return PipPackage(url=path.as_uri(), sha256=sha256(path.read_bytes()), name=name, version="1.2")


@pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])
def test_prefixes_are_replaced_as_conda_does(tmp_path: Path, extension: str) -> None:
    text, binary = f"x={PLACEHOLDER}/share\n".encode(), f"a\0{PLACEHOLDER}/lib\0b".encode()
    made = make(tmp_path, Recipe("one", {
        "bin/plain": File(b"plain", 0o755), "share/text": File(text, prefix="text"),
        "share/binary": File(binary, prefix="binary"), "share/link": File(link="text"),
    }, extension=extension))  # fmt: skip
    found = held()
    hold_conda(conda(made), made.path, found)
    files = found.files
    assert files[f"{PREFIX}/bin/plain"].hashes == {sha256(b"plain")}
    assert files[f"{PREFIX}/bin/plain"].runs is True
    assert files[f"{PREFIX}/share/text"].hashes == {sha256(f"x={PREFIX}/share\n".encode())}
    padded = f"a\0{PREFIX}/lib".encode() + b"\0" * (len(PLACEHOLDER) - len(PREFIX)) + b"\0b"
    assert files[f"{PREFIX}/share/binary"].hashes == {sha256(padded)}
    assert (files[f"{PREFIX}/share/link"].kind, files[f"{PREFIX}/share/link"].target) == ("link", "text")
    assert f"{PREFIX}/conda-meta/one-1.0-0.json" in found.records
    assert not any("/info/" in path for path in files)


def test_packages_for_any_python_find_their_place_and_get_their_scripts(tmp_path: Path) -> None:
    made = make(tmp_path, Recipe(
        "pure", {"site-packages/pure/__init__.py": b"1\n", "python-scripts/tool": File(b"#!x\n", 0o755)},
        noarch="python", entry_points=("pure-main = pure.cli:app.main",),
    ))  # fmt: skip
    found = held()
    hold_conda(conda(made), made.path, found)
    assert f"{SITE}/pure/__init__.py" in found.files
    assert f"{PREFIX}/bin/tool" in found.files
    body = (
        f"#!{PREFIX}/bin/python3.11\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\nfrom pure.cli import app\n\n"
        "if __name__ == '__main__':\n    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        "    sys.exit(app.main())\n"
    )
    assert sha256(body.encode()) in found.files[f"{PREFIX}/bin/pure-main"].hashes


def test_packages_that_run_a_script_are_named(tmp_path: Path) -> None:
    made = make(tmp_path, Recipe("noisy", {"bin/.noisy-post-link.sh": File(b"true\n", 0o755)}))
    found = held()
    hold_conda(conda(made), made.path, found)
    assert found.scripted == ["noisy 1.0 (conda, train)"]


def test_a_path_of_two_packages_may_be_either(tmp_path: Path) -> None:
    found = held()
    for name in ("one", "two"):
        made = make(tmp_path, Recipe(name, {"share/same": name.encode()}))
        hold_conda(conda(made), made.path, found)
    assert found.files[f"{PREFIX}/share/same"].hashes == {sha256(b"one"), sha256(b"two")}


def test_strings_in_binaries_keep_their_length() -> None:
    old, new = b"/long/placeholder", b"/short"
    data = b"\x01" + old + b"/a:" + old + b"/b\0rest\0" + old  # the last one ends with no NUL and stays
    out = in_binary(data, old, new)
    assert len(out) == len(data)
    assert out.startswith(b"\x01/short/a:/short/b\0")
    assert out.endswith(b"rest\0" + old)


def test_a_long_first_line_finds_its_interpreter_on_path() -> None:
    line = b"#!/" + b"x" * 130 + b"/bin/python -I\nbody\n"
    assert short_shebang(line, 127) == b"#!/usr/bin/env python -I\nbody\n"
    assert short_shebang(line, 512) == line


def test_wheels_go_where_their_metadata_says(tmp_path: Path) -> None:
    path = write_wheel(
        tmp_path,
        files={
            "sample-1.2.data/scripts/run": b"#!python\nprint(1)\n",
            "sample-1.2.data/data/share/x": b"x",
            "sample-1.2.data/purelib/more.py": b"m",
        },
        entry_points="[console_scripts]\nsample-main = sample:main\n",
    )
    found = held()
    hold_wheel(wheel(path), path, found)
    files = found.files
    assert f"{SITE}/sample/__init__.py" in files
    assert f"{SITE}/more.py" in files
    assert f"{PREFIX}/share/x" in files
    assert sha256(f"#!{PREFIX}/bin/python\nprint(1)\n".encode()) in files[f"{PREFIX}/bin/run"].hashes
    assert files[f"{PREFIX}/bin/sample-main"].runs is True
    info = f"{SITE}/sample-1.2.dist-info"
    assert f"{info}/RECORD" in found.records
    assert f"{info}/RECORD" not in files
    assert {f"{info}/INSTALLER", f"{info}/REQUESTED", f"{info}/METADATA"} <= set(files)


@pytest.mark.parametrize("name", ["x-1.0-0.conda", "x-1.2-py3-none-any.whl"])
def test_a_broken_archive_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"no archive")
    with pytest.raises(BuildError, match="cannot be read"):  # noqa: PT012
        if name.endswith(".whl"):
            hold_wheel(wheel(path), path, held())
        else:
            package = conda(make(tmp_path / "made", Recipe("x", {"a": b"1"})))
            hold_conda(package, path, held())
