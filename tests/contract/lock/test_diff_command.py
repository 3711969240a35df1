"""`imgbuild diff`: every form of a side, as text, as JSON, in a pipe and on a narrow terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lock_lab import Lab, lab_at
from tests.support.workshop import Workshop

ENVIRONMENT = """\
dependencies:
  - python=3.11
  - numpy
  - pip:
      - tab
"""
IMAGE = """\
platforms: [linux/amd64, linux/arm64]
variants:
  old: {environment: environment.old.yml}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two commits, v1 and v2, and a working tree as in v2; nothing in it is changed by a test."""
    with lab_at(tmp_path_factory.mktemp("diff")) as made:
        made.conda("numpy", "1.0", "python")
        made.wheel("tab", "1.0")
        made.publish()
        made.define(ENVIRONMENT, IMAGE)
        (made.root / "envs" / "app" / "environment.old.yml").write_text("dependencies: [numpy=1]\n")
        made.git("init", "--quiet")
        commit(made, "v1")
        made.conda("numpy", "2.0", "python", "extra")
        made.conda("extra", "1.0")
        made.publish()
        commit(made, "v2", "-P", "numpy")
        yield made


def commit(lab: Lab, tag: str, *words: str) -> None:
    lab.good("lock", "app", *words)
    lab.git("add", ".")
    lab.git("commit", "--quiet", "--message", tag)
    lab.git("tag", tag)


CHANGES = [["added", "extra", "conda", "1.0"], ["upgraded", "numpy", "conda", "1.0", "2.0"]]


def rows(text: str) -> list[list[str]]:
    """The rows of the first table, without the sizes."""
    found = [line.split()[:5] for line in text.splitlines() if line.startswith(("added", "upgraded"))]
    return [row[:4] if row[0] == "added" else row for row in found]


@pytest.mark.parametrize(
    "words",
    [
        ["v1:app", "app"],
        ["v1:app", "v2:app"],
        ["HEAD~1:app", "HEAD:app"],
        ["v1:app", "envs/app"],
        ["v1:app", "envs/app/conda-lock.yml"],
        ["v1:app", "./envs/app/imgbuild.lock.json"],
    ],
)
def test_the_forms_of_a_side(lab: Lab, words: list[str]) -> None:
    done = lab.good("diff", *words)
    assert rows(done.out) == CHANGES
    assert done.out.splitlines()[0] == f"{words[0]} -> {words[1]}"
    assert "linux/amd64: 1 added, 1 upgraded, " in done.out
    assert "the same changes as for linux/amd64" in done.out


def test_one_image_is_compared_with_head(lab: Lab) -> None:
    done = lab.good("diff", "app")
    assert done.out.splitlines() == [
        "HEAD:app -> app", "linux/amd64: no differences", "linux/arm64: no differences",
    ]  # fmt: skip
    lab.good("diff", "app", "--exit-code")


def test_as_json(lab: Lab) -> None:
    document = lab.good("diff", "v1:app", "app", "--json", "--platform", "linux/arm64").document
    assert (document["old"], document["new"], document["different"]) == ("v1:app", "app", True)
    (platform,) = document["platforms"]
    assert platform["platform"] == "linux/arm64"
    assert platform["counts"] == {"added": 1, "upgraded": 1}
    (environment,) = platform["environments"]
    numpy = environment["packages"][1]
    assert (numpy["name"], numpy["old"]["version"], numpy["new"]["version"]) == ("numpy", "1.0", "2.0")
    assert numpy["bytes"] == numpy["new"]["size"] - numpy["old"]["size"]
    assert len(numpy["new"]["sha256"]) == 64


@pytest.mark.parametrize(("words", "code"), [(["v1:app"], 1), (["HEAD:app"], 0)])
def test_the_exit_code_on_demand(lab: Lab, words: list[str], code: int) -> None:
    assert lab.run("diff", *words, "app", "--exit-code").code == code
    assert lab.run("diff", *words, "app").code == 0


def test_a_variant_and_an_image(lab: Lab) -> None:
    text = lab.good("diff", "v2:app@old", "app").out
    assert "asked     +pip tab" in text
    assert ["upgraded", "numpy", "conda", "1.0", "2.0"] in rows(text)


def test_a_page_alone(lab: Lab, tmp_path: Path) -> None:
    page = Path(shutil.copy(lab.root / "envs" / "app" / "conda-lock.yml", tmp_path / "theirs.yml"))
    text = lab.good("diff", "v1:app", str(page)).out
    assert "a page alone" in text
    assert rows(text) == CHANGES
    assert "no differences" in lab.good("diff", "app", str(page)).out


def test_a_lock_that_head_has_not_yet(lab: Lab) -> None:
    folder = lab.define("dependencies: [python]\n", name="fresh")
    try:
        lab.good("lock", "fresh")
        assert "linux/amd64: only the new side has it" in lab.good("diff", "fresh").out
        assert "fresh has no lock in v1" in lab.run("diff", "v1:fresh", "fresh").err
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["v9:app", "app"], 2, "git cannot read the revision 'v9'"),
        (["--upload-pack=x:app", "app"], 2, ""),
        (["--", "--all:app", "app"], 2, "git cannot read the revision '--all'"),
        (["v1:apq", "app"], 3, "apq has no lock in v1"),
        (["apq", "app"], 2, "did you mean app?"),
        (["app@olt"], 2, "did you mean old?"),
        (["v1:app"], 2, "name the second one"),
        (["./nowhere.yml", "app"], 2, "there is no such file or folder"),
        (["envs", "app"], 3, "there is no lock"),
        (["app", "app", "--kit", "envs"], 2, ""),
        (["kit:envs:app", "app"], 2, ""),
    ],
)
def test_what_is_no_side(lab: Lab, words: list[str], code: int, said: str) -> None:
    done = lab.run("diff", *words)
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_outside_a_repository(lab: Lab, tmp_path: Path) -> None:
    shutil.copytree(lab.root / "envs", tmp_path / "envs")
    done = lab.run("diff", "app", cwd=tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert done.code == 2
    assert "not a git repository" in done.err


def test_a_lock_that_somebody_edited_in_a_revision(lab: Lab) -> None:
    page = lab.root / "envs" / "app" / "conda-lock.old.yml"
    text = page.read_text()
    page.write_text(text.replace("numpy-1.0", "numpy-6.6"))
    lab.git("commit", "--quiet", "--all", "--message", "edited")
    page.write_text(text)
    lab.git("tag", "edited")
    lab.git("reset", "--quiet", "--hard", "v2")
    done = lab.run("diff", "edited:app@old", "app@old")
    assert done.code == 3
    assert "it was changed after it was made" in done.err
    assert "edited:envs/app" in done.err
    assert "/tmp" not in done.err.replace(str(lab.root), "")


def test_a_pipe_gets_whole_lines_and_a_narrow_terminal_folded_ones(lab: Lab) -> None:
    piped = lab.good("diff", "v1:app", "app").out.splitlines()
    assert all("\x1b" not in line for line in piped)
    shown = lab.on_a_terminal("diff", "v1:app", "app", columns=40).splitlines()
    assert any(line.startswith("\x1b[1mCHANGE") for line in shown)
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown]
    changed = [line.split()[1] for line in plain if line.startswith("CHANGE ")]
    assert {"added", "upgraded"} <= set(changed), "each change is a block of its own"
    assert max(len(line) for line in plain if line.startswith(("CHANGE ", "WHAT ", "FROM ", "OLD "))) <= 40


def test_a_reader_that_goes_away(lab: Lab) -> None:
    line = f"{sys.executable} -m builder.cli diff v1:app app | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=lab.root, env=lab.environ({}), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_locks_of_kits(workshop: Workshop, tmp_path: Path) -> None:
    env = {"IMGBUILD_KIT": ""} if "IMGBUILD_KIT" in os.environ else {}
    done = workshop.run("diff", "regression", "report", "--kit", str(workshop.kit), "--json", env=env)
    assert done.code == 0, done.err
    names = {
        one["name"]
        for platform in done.document["platforms"]
        for environment in platform["environments"]
        for one in environment["packages"]
    }
    assert "tabulate" in names
    other = workshop.run("diff", f"kit:{workshop.kit}:report", "report", "--kit", str(workshop.kit))
    assert "no differences" in other.out, other.err
