"""`imgbuild init` as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workshop import REPOSITORY, Ran, imgbuild

ENVIRON = {"PYTHONPATH": str(REPOSITORY), "IMGBUILD_SETTINGS": "none", "PATH": "/usr/bin:/bin"}


def init(root: Path, *words: str) -> Ran:
    return imgbuild(["init", *words], root, ENVIRON)


def checked(root: Path) -> Ran:
    return imgbuild(["check", "--json"], root, ENVIRON)


def test_from_nothing(tmp_path: Path) -> None:
    done = init(tmp_path, "mine")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "envs/mine/environment.yml written"
    assert [path.name for path in (tmp_path / "envs").iterdir()] == ["mine"]
    assert checked(tmp_path).document == {"checked": 1, "warnings": []}
    assert init(tmp_path, "child", "--extends", "mine", "--cuda", "13.0").code == 0
    assert (tmp_path / "envs/child/image.yml").read_text() == 'extends: mine\ncuda: "13.0"\n'
    assert not (tmp_path / "envs/child/environment.yml").exists()
    assert checked(tmp_path).document["checked"] == 2


def test_from_a_deeper_folder_it_goes_into_the_project_around(tmp_path: Path) -> None:
    assert init(tmp_path, "one").code == 0
    (tmp_path / "src/deep").mkdir(parents=True)
    assert init(tmp_path / "src/deep", "two").code == 0
    assert (tmp_path / "envs/two/environment.yml").exists()
    assert not (tmp_path / "src/deep/envs").exists()


def test_nothing_is_replaced_without_force(tmp_path: Path) -> None:
    assert init(tmp_path, "mine").code == 0
    path = tmp_path / "envs/mine/environment.yml"
    path.write_text("dependencies: [python, numpy]\n")
    (tmp_path / "envs/mine/notes.txt").write_text("mine")
    done = init(tmp_path, "mine")
    assert done.code == 2
    assert "there is an environment `mine` already" in done.err
    assert path.read_text() == "dependencies: [python, numpy]\n"
    forced = init(tmp_path, "mine", "--force", "--json")
    assert forced.document["replaced"] == ["environment.yml"]
    assert "numpy" not in path.read_text()
    assert (tmp_path / "envs/mine/notes.txt").read_text() == "mine"


def test_what_cannot_be_honoured_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n-e .\n--index-url https://user:secret@h/simple\n")
    done = init(tmp_path, "mine", "--from", "requirements.txt", "--json")
    assert done.code == 2
    assert [(one["line"], one["column"]) for one in done.document["error"]["problems"]] == [(2, 1), (3, 1)]
    assert "nothing was written; --leave-out" in done.err
    assert "secret" not in done.err + done.out
    assert not (tmp_path / "envs").exists()
    left = init(tmp_path, "mine", "--from", "requirements.txt", "--leave-out", "--python", "3.12", "--json")
    assert left.code == 0
    assert [one["line"] for one in left.document["left_out"]] == [2, 3]
    assert left.document["environments"] == [
        {"name": "mine", "conda": ["python=3.12", "pip"], "pip": ["numpy"]}
    ]


def test_a_dry_run_shows_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    done = init(tmp_path, "mine", "--from", "requirements.txt", "--dry-run")
    assert done.code == 0
    assert "  |       - numpy" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_stdin(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "builder.cli", "init", "mine", "--from", "-"]
    done = subprocess.run(
        words,
        input=b"dependencies: [python, zlib=]\n",
        cwd=tmp_path,
        env=ENVIRON,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"<stdin>:1:24: dependencies[1]: `zlib=` has an operator without a version" in done.stderr
    done = subprocess.run(
        words,
        input=b"dependencies: [python, zlib]\n",
        cwd=tmp_path,
        env=ENVIRON,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["My Env"], "`My Env` cannot name an image"),
        (["../mine"], "cannot name an image"),
        (["base"], "is the name of conda's own environment"),
        (["mine", "--from", "gone.txt"], "is not a regular file"),
        (["mine", "--from", "."], "is a directory"),
        (["mine", "--extends", "gone"], "no environment is called `gone`"),
        (["mine", "--cuda", "12"], "--cuda: `12` is not a CUDA line"),
        (["mine", "--python", ">="], "`>=` is no version of Python"),
        (["mine", "--channel", "https://u:secret@h/c"], "--channel: it holds a token or a password"),
        (["mine", "--leave-out"], "--leave-out is about a file: name it with --from"),
        ([], "NAME"),
    ],
)
def test_wrong_words(tmp_path: Path, words: list[str], said: str) -> None:
    done = init(tmp_path, *words)
    assert done.code == 2, done.out
    assert said in done.err
    assert "secret" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "envs").write_text("a file in the way")
    done = init(tmp_path, "mine")
    assert done.code == 2
    assert "cannot be written" in done.err
    assert "Traceback" not in done.err


def test_a_file_in_the_way_of_one_environment(tmp_path: Path) -> None:
    assert init(tmp_path, "one").code == 0
    (tmp_path / "envs/mine").write_text("a file in the way")
    done = init(tmp_path, "mine", "--force")
    assert done.code == 2
    assert "is no folder" in done.err


def test_what_is_there_is_kept_where_the_new_is_refused(tmp_path: Path) -> None:
    assert init(tmp_path, "mine").code == 0
    before = (tmp_path / "envs/mine/environment.yml").read_text()
    (tmp_path / "bad.yml").write_text("dependencies: [python, 'numpy>=']\n")
    assert init(tmp_path, "mine", "--force", "--from", "bad.yml").code == 2
    assert (tmp_path / "envs/mine/environment.yml").read_text() == before
    assert sorted(path.name for path in (tmp_path / "envs").iterdir()) == ["mine"]
