"""Settings files as commands see them, and `show --settings`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.test_commands import imgbuild


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project/envs/one"
    folder.mkdir(parents=True)
    (folder / "environment.yml").write_text("name: one\nchannels: [conda-forge]\ndependencies: [zlib]\n")
    return tmp_path / "project"


def test_settings_are_shown_with_their_origin(project: Path, tmp_path: Path) -> None:
    user = tmp_path / "mine.yml"
    user.write_text("prefix: team/mine\nengine: ssh://me:hunter22@box\n")
    (project / "imgbuild.yml").write_text("store: .store\nprefix: team/ours\n")
    words = ("show", "--settings", "--json", "-C", str(project))
    done = imgbuild(*words, IMGBUILD_SETTINGS=str(user), IMGBUILD_KIT="none")
    assert done.code == 0, done.err
    found = {one["name"]: one for one in json.loads(done.out)["settings"]}
    assert found["store"]["value"] == str(project / ".store")
    assert found["store"]["origin"] == "imgbuild.yml:1"
    assert found["prefix"]["value"] == "team/ours"
    assert found["prefix"]["shadowed"] == [["team/mine", f"{user}:1"]]
    assert found["kit"]["origin"] == "IMGBUILD_KIT"
    assert found["platform"]["origin"] == "default"
    assert "hunter22" not in done.out
    told = imgbuild("show", "--settings", "-C", str(project), IMGBUILD_SETTINGS=str(user))
    assert "team/ours" in told.out
    assert "team/mine" not in told.out
    told = imgbuild("show", "--settings", "-v", "-C", str(project), IMGBUILD_SETTINGS=str(user))
    assert "(hidden: team/mine)" in told.out


def test_settings_go_without_an_image(project: Path) -> None:
    assert imgbuild("show", "one", "--settings", cwd=project).code == 2
    assert imgbuild("show", cwd=project).code == 2
    assert imgbuild("show", "one", cwd=project).code == 0


def test_a_file_that_cannot_be_read_stops_commands_and_not_check(project: Path) -> None:
    (project / "imgbuild.yml").write_text("stroe: x\n")
    for words in (["list"], ["show", "--settings"]):
        done = imgbuild(*words, cwd=project, IMGBUILD_SETTINGS="none")
        assert (done.code, "imgbuild.yml:1:1: stroe: unknown key" in done.err) == (2, True), done.err
    done = imgbuild("check", cwd=project, IMGBUILD_SETTINGS="none")
    assert (done.code, (done.out + done.err).count("stroe")) == (2, 1)
    assert imgbuild("schema", cwd=project, IMGBUILD_SETTINGS="none").code == 0


def test_files_reach_the_program_and_flags_and_variables_win(project: Path) -> None:
    (project / "imgbuild.yml").write_text("prefix: team/ours\nkit: nowhere\n")

    def told(*words: str, **env: str) -> str:
        done = imgbuild("run", "one", *words, cwd=project, IMGBUILD_SETTINGS="none", **env)
        return done.err

    # No engine there: what is asked of the settings is checked before it.
    assert "BAD" in told(IMGBUILD_PREFIX="BAD")
    assert "WORSE" in told("--prefix", "WORSE", IMGBUILD_PREFIX="BAD")
    planned = imgbuild("plan", "one", cwd=project, IMGBUILD_SETTINGS="none")
    assert str(project / "nowhere") in planned.err
    planned = imgbuild("plan", "one", cwd=project, IMGBUILD_SETTINGS="none", IMGBUILD_KIT="/other/kit")
    assert "/other/kit" in planned.err
    asked = imgbuild("plan", "one", "--kit", "/flag/kit", cwd=project, IMGBUILD_KIT="/other/kit")
    assert "/flag/kit" in asked.err


def test_each_line_of_a_merged_definition_has_its_origin(project: Path) -> None:
    child = project / "envs/two"
    child.mkdir()
    (child / "image.yml").write_text("extends: one\nsummary: more\n")
    (child / "environment.yml").write_text("name: two\ndependencies:\n  - xz\n  - pip\n  - pip:\n    - six\n")
    done = imgbuild("show", "two", "--origins", "--json", cwd=project, IMGBUILD_SETTINGS="none")
    assert done.code == 0, done.err
    found = {(one["what"], one["line"]): one["origin"] for one in json.loads(done.out)["origins"]}
    assert found["conda", "zlib"] == "../one/environment.yml:3"
    assert found["conda", "xz"] == "environment.yml:3"
    assert found["pip", "six"] == "environment.yml:6"
    assert found["image.yml", "summary"] == "image.yml:2"
