"""What people type who have used other tools, or who mistype."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from builder.cli.commands import COMMANDS, ELSEWHERE
from tests.support.workshop import REPOSITORY, Ran
from tests.unit.cli.test_commands import imgbuild
from tests.unit.cli.test_help import ALL, help_of, parsed


def without_engine(tmp_path: Path, *words: str) -> Ran:
    return imgbuild(*words, DOCKER_HOST=f"unix://{tmp_path}/none.sock")


@pytest.mark.parametrize(
    ("words", "name"), [([], ""), (["build"], "build"), (["kit", "create"], "kit create")]
)
def test_help_is_a_command_as_well(words: list[str], name: str) -> None:
    assert imgbuild("help", *words).out.split() == help_of(name).split()
    assert json.loads(imgbuild("help", *words, "--json").out)["help"].startswith(
        f"Usage: imgbuild {name}".rstrip()
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["help", "bild"], "no such command: 'bild'; did you mean build?"),
        (["help", "kit", "crate"], "no such command: 'crate'; did you mean create?"),
        (["help", "list", "more"], "no such command: 'list more'"),
        (["kit", "crate", "x"], "no such command: 'crate'; did you mean create?"),
        (["data", "refesh"], "no such command: 'refesh'; did you mean refresh?"),
        (["biuld", "x"], "no such command: 'biuld'; did you mean build?"),
        (["prune"], "no such command: 'prune'; did you mean `imgbuild clean`?"),
        (["version"], "no such command: 'version'; did you mean `imgbuild --version`?"),
        (["regression"], "no such command: 'regression'; it is an environment: `imgbuild build regression`?"),
        (["finetune-cuda@cu126"], "it is an environment: `imgbuild build finetune-cuda@cu126`?"),
        (["qqqq"], "no such command: 'qqqq'\n"),
        (["--kit", "x", "build"], "options of a command stand behind its name"),
        (["--verison"], "--version"),
        (["build", "--lokced", "x"], "--locked"),
        (["show"], "`imgbuild list` has the names of environments; see `imgbuild show --help`"),
        (["test"], "`imgbuild list` has the names of environments"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(words: list[str], said: str) -> None:
    done = imgbuild(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_words_of_other_tools_lead_to_ours() -> None:
    for word, ours in ELSEWHERE.items():
        assert word not in COMMANDS
        command, *options = ours.split()
        if command in COMMANDS:
            assert set(options) <= {name for one in ALL[command].params for name in one.opts}
        else:
            assert ours == "--version"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["test", "regresion"], 2),
        (["push", "regresion", "--to", "example.org/x"], 2),
        (["build", "regresion"], 2),
        (["explain", "regresion"], 2),
        (["run", "regresion", "python"], 125),
        (["run", "-d", "regresion", "python"], 125),
        (["shell", "regresion"], 125),
    ],
)
def test_a_mistyped_environment_is_told_without_an_engine(
    words: list[str], code: int, tmp_path: Path
) -> None:
    done = without_engine(tmp_path, *words)
    assert done.code == code
    assert "did you mean regression?" in done.err
    assert "engine" not in done.err


def test_a_mistyped_door_is_told_without_an_engine(tmp_path: Path) -> None:
    done = without_engine(tmp_path, "test", "regression", "--door", "gitlb")
    assert done.code == 2
    assert "did you mean gitlab?" in done.err


def test_common_options_before_the_command(tmp_path: Path) -> None:
    (tmp_path / "envs" / "mine").mkdir(parents=True)
    (tmp_path / "envs" / "mine" / "environment.yml").write_text("dependencies: [python]\n")
    done = imgbuild("-C", str(tmp_path), "--json", "list")
    assert [image["name"] for image in done.document["images"]] == ["mine"]


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("-C /tmp list", "list -C /tmp"),
        ("-C/tmp -q --color=never list", "list -C/tmp -q --color=never"),
        ("--json -v --offline --color never kit check .", "kit check --json -v --offline --color never ."),
        ("-v run regression -v /a:/b python -v", "run --verbose regression -v /a:/b python -v"),
    ],
)
def test_common_options_mean_the_same_on_both_sides(before: str, behind: str) -> None:
    assert parsed(before.split()).params == parsed(behind.split()).params


@pytest.mark.parametrize("words", [["-C"], ["-C", "."], ["--json"], ["-C", ".", "--offline"]])
def test_common_options_alone_are_no_command(words: list[str]) -> None:
    done = imgbuild(*words)
    assert (done.code, done.out) == (2, "")
    assert "-C" in done.err


CLOSED = ("list", "doctor", "help", "check")


@pytest.mark.parametrize("word", CLOSED)
def test_a_closed_stdout_is_no_surprise(word: str) -> None:
    line = f"{shlex.quote(sys.executable)} -m builder.cli {word} --offline >&-" if word != "help" else ""
    line = line or f"{shlex.quote(sys.executable)} -m builder.cli help >&-"
    done = subprocess.run(["bash", "-c", line], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 4}, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["--help", "list", "list --json", "help build"])
def test_a_full_disk_under_stdout_is_told(words: str) -> None:
    line = f"{shlex.quote(sys.executable)} -m builder.cli {words} > /dev/full"
    done = subprocess.run(["bash", "-c", line], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "cannot write the result: No space left on device" in done.stderr
    assert "report it" not in done.stderr
    assert done.returncode not in {0, 2}


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    line = f"rmdir ../gone; PYTHONPATH={REPOSITORY} {shlex.quote(sys.executable)} -m builder.cli list"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path / "gone", capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "the working directory is not there any more" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--kit", "~nosuch-user/x"], "~nosuch-user/x"),
        (["build", "regression", "--kit", "~nosuch-user/x"], "~nosuch-user/x"),
        (["init", "a", "--python", "x y"], "`x y` is no version of Python"),
        (["init", "a", "--python", "abc"], "`abc` is no version of Python"),
        (["run", "regression", "--memory", "9" * 400, "true"], "is no size"),
        (["outdated", "ci-runner", "--platform", "linux/arm64"], "is not declared for linux/arm64"),
    ],
)
def test_odd_words_are_answered(tmp_path: Path, words: list[str], said: str) -> None:
    done = imgbuild(*words, HOME=str(tmp_path), DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.code in {2, 4, 125}, done.err
    assert said in done.err or "Options" in done.err or "No such option" in done.err
    assert "unexpected" not in done.err


def test_what_cannot_be_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "e.yml").write_text("dependencies: [python, {pip: [rich, -e .]}]\n")
    done = imgbuild("init", "a", "-C", str(tmp_path), "--from", str(tmp_path / "e.yml"), "--leave-out")
    assert done.code == 2
    assert "write one item a line" in done.err


def test_help_needs_no_settings(tmp_path: Path) -> None:
    (tmp_path / "envs/one").mkdir(parents=True)
    (tmp_path / "envs/one/environment.yml").write_text("name: one\n")
    (tmp_path / "imgbuild.yml").write_text("stor: x\n")
    assert imgbuild("help", "run", "-C", str(tmp_path)).code == 0


def test_the_programs_words_are_not_ours(tmp_path: Path) -> None:
    theirs = without_engine(tmp_path, "run", "regression", "-v", "bad", "prog", "--json")
    assert (theirs.code, theirs.out) == (2, "")
    ours = without_engine(tmp_path, "run", "--json", "-d", "-v", "bad", "regression", "prog")
    assert "error" in json.loads(ours.out)


def test_settings_of_a_folder_without_environments_hold(tmp_path: Path) -> None:
    (tmp_path / "imgbuild.yml").write_text("prefix: mine\n")
    (tmp_path / "below").mkdir()
    shown = imgbuild("show", "--settings", "--json", "-C", str(tmp_path / "below"))
    assert {row["name"]: row["value"] for row in json.loads(shown.out)["settings"]}["prefix"] == "mine"
    assert "regression" in imgbuild("list", "-C", str(tmp_path)).out
    (tmp_path / "imgbuild.yml").write_text("pefix: mine\n")
    assert imgbuild("check", "-C", str(tmp_path)).code == 2
    (tmp_path / "imgbuild.yml").write_text("")
    assert imgbuild("init", "first", "-C", str(tmp_path)).code == 0
    assert (tmp_path / "envs/first/environment.yml").exists()
