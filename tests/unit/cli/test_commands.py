"""The command line as a user types it, where no engine is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workshop import REPOSITORY, Ran


def imgbuild(*words: str, cwd: Path = REPOSITORY, **env: str) -> Ran:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IMGBUILD_")}
    done = subprocess.run(
        [sys.executable, "-m", "builder.cli", *words],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(REPOSITORY), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["biuld"], "build"),
        (["build"], "which image?"),
        (["build", "--all", "regression"], "not both"),
        (["build", "regresion"], "regression"),
        (["show", "../regression"], ""),
        (["show", "regression@nothing"], "nothing"),
        (["list", "--nonsense"], "--nonsense"),
        (["list", "-C", "/does/not/exist"], "/does/not/exist"),
        (["build", "regression", "--kit", "/does/not/exist"], ""),
    ],
)
def test_wrong_words_end_with_2_and_a_hint(words: list[str], said: str, tmp_path: Path) -> None:
    done = imgbuild(*words, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.code in {2, 4} if "--kit" in words else done.code == 2, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_list_as_json() -> None:
    document = imgbuild("list", "--json").document
    assert {"regression", "report"} <= {image["name"] for image in document["images"]}


def test_one_broken_definition_hides_no_other(tmp_path: Path) -> None:
    for name, text in (("good", "{}"), ("bad", "bse: x")):
        (tmp_path / "envs" / name).mkdir(parents=True)
        (tmp_path / "envs" / name / "environment.yml").write_text("dependencies: [python]\n")
        (tmp_path / "envs" / name / "image.yml").write_text(f"{text}\n")
    done = imgbuild("list", "--json", cwd=tmp_path)
    assert done.code == 2
    assert [image["name"] for image in done.document["images"]] == ["good"]
    assert "envs/bad/image.yml:1:1: bse: " in done.err
    assert done.document["error"]["problems"][0]["path"] == "bse"


def test_schema_is_json_and_the_committed_one() -> None:
    text = imgbuild("schema").out
    assert json.loads(text)["$schema"]
    assert text == (REPOSITORY / "schema" / "image.schema.json").read_text()


def test_show_prints_an_environment_that_other_tools_read() -> None:
    text = imgbuild("show", "report", "--environment").out
    assert "name: report" in text
    assert "scikit-learn" in text
    assert "tabulate" in text


def test_plan_tells_a_missing_lock_and_ends_well(tmp_path: Path) -> None:
    (tmp_path / "envs" / "mine").mkdir(parents=True)
    (tmp_path / "envs" / "mine" / "environment.yml").write_text("dependencies: [python]\n")
    done = imgbuild("plan", "--json", "--kit", "none", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.document["images"]
    assert all("lock" in image["trouble"] for image in done.document["images"])


@pytest.mark.parametrize(
    ("words", "code"),
    [("show regression", 0), ("list --json", 0), ("nope --json", 2), ("nope", 2), ("--help", 0)],
)
@pytest.mark.parametrize("redirect", ["| true", "2>&1 | true"])
def test_a_closed_pipe_is_quiet_and_changes_no_exit_code(words: str, code: int, redirect: str) -> None:
    line = f"{sys.executable} -m builder.cli {words} {redirect}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_result_that_cannot_be_written_is_no_success() -> None:
    line = f"{sys.executable} -m builder.cli list > /dev/full"
    done = subprocess.run(["bash", "-c", line], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "cannot write the result" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_works_outside_a_project(tmp_path: Path) -> None:
    done = imgbuild("list", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "regression" in {image["name"] for image in done.document["images"]}


def test_a_project_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "envs" / "mine"
    mine.mkdir(parents=True)
    (mine / "environment.yml").write_text("dependencies:\n  - python=3.12\n")
    inner = tmp_path / "deep" / "down"
    inner.mkdir(parents=True)
    names = {image["name"] for image in imgbuild("list", "--json", cwd=inner).document["images"]}
    assert names == {"mine"}
