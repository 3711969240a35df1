"""Every fault ends in words and an exit code, in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from builder.cli.boundary import error_text, run
from builder.errors import (
    BuildError,
    DefinitionError,
    EngineError,
    ImgbuildError,
    LockError,
    ProofError,
    PublishError,
    UsageError,
)
from builder.problems import Problem

PROBLEMS = [
    Problem("envs/a/image.yml", 3, 1, "bas", "unknown key", "did you mean base?"),
    Problem("envs/a/image.yml", 9, 4, "user.uid", "is -1", "give a number from 1"),
]


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (DefinitionError(PROBLEMS), 2),
        (LockError("x"), 3),
        (EngineError("x"), 4),
        (BuildError("x"), 5),
        (ProofError("x"), 6),
        (PublishError("x"), 7),
        (click.UsageError("x"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_kind_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error), []) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip()


def test_an_error_says_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(BuildError("sha256 differs", where="a.conda", fix="fetch again", detail="one\ntwo\n")), [])
    assert capsys.readouterr().err == (
        "error: sha256 differs\n  where: a.conda\n  to do: fetch again\n  | one\n  | two\n"
    )


def test_all_problems_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(DefinitionError(PROBLEMS)), [])
    assert capsys.readouterr().err == (
        "envs/a/image.yml:3:1: bas: unknown key; did you mean base?\n"
        "envs/a/image.yml:9:4: user.uid: is -1; give a number from 1\n"
        "error: 2 problems in the definitions\n"
    )


def test_as_json_there_is_one_document_and_the_words_stay_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(raising(DefinitionError(PROBLEMS)), ["check", "--json"])
    out, err = capsys.readouterr()
    document = json.loads(out)["error"]
    assert document["exit_code"] == 2
    assert [problem["line"] for problem in document["problems"]] == [3, 9]
    assert "error: 2 problems" in err


def test_json_after_two_dashes_is_not_ours(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(UsageError("x")), ["run", "a", "--", "--json"])
    assert capsys.readouterr().out == ""


def test_a_surprise_leaves_a_log(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(raising(ZeroDivisionError("no way")), ["build", "x"]) == 70
    (log,) = tmp_path.glob("imgbuild-*.log")
    err = capsys.readouterr().err
    assert str(log) in err
    assert "Traceback" not in err
    text = log.read_text()
    assert "ZeroDivisionError: no way" in text
    assert "['build', 'x']" in text


def test_control_characters_in_a_detail_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(ImgbuildError("x", detail="\x1b[2Jgone")), [])
    assert "\x1b" not in capsys.readouterr().err


def test_an_error_does_not_steer_the_terminal() -> None:
    error = LockError("a\x1b[2Jb\nsecond line", where="/x\x1b]0;t\x07", fix="c\x9bd", detail="e\x1b[31mf")
    text = error_text(error)
    assert not any(ord(char) < 32 and char != "\n" for char in text)
    assert text.splitlines()[:2] == ["error: ab", "second line"]
