"""Builds at once: of one image, of two, on one engine and one store; and an image that others touch meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from builder.engine.connect import connect
from builder.errors import ImgbuildError
from builder.spec.project import find_project
from builder.workflow.build import Options, build
from tests.support.left import Look, at_step
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine


def test_one_image_twice_and_another_at_once(empty: SpareEngine, workshop: Workshop, tmp_path: Path) -> None:
    env = {"DOCKER_HOST": empty.endpoint, "IMGBUILD_CACHE": str(tmp_path / "cache")}
    words = ("--kit", str(workshop.kit), "--json")
    processes = [workshop.start("build", name, *words, env=env) for name in ("tiny", "tiny", "offline")]
    ended = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], [err for _, err in ended]
    first, second, other = (json.loads(out)["images"][0] for out, _ in ended)
    assert {first["status"], second["status"]} == {"built", "unchanged"}
    assert first["image_id"] == second["image_id"] != other["image_id"]
    assert other["status"] == "built"
    assert any("another imgbuild makes tiny: waiting for it" in err for _, err in ended[:2])
    look = Look(empty.endpoint)
    assert look.leftovers() == []
    assert {name for name in look.images() if name.startswith(PREFIX)} == {
        f"{PREFIX}/tiny:latest",
        f"{PREFIX}/offline:latest",
    }
    # Imported once each: an id of its own for every name, and none that lost its name to a second import.
    kinds = Counter(name.partition(":")[0] for name in look.images())
    assert kinds["imgbuild/base"] == 1
    assert len(look("images", "-aq", "--filter", "label=io.imgbuild.kind=pkg")) == kinds["imgbuild/pkg"]
    assert list((tmp_path / "cache" / "turns").iterdir()) == []


def test_a_turn_ends_with_the_process_that_held_it(empty: SpareEngine, workshop: Workshop) -> None:
    env = {"DOCKER_HOST": empty.endpoint}
    words = ("build", "tiny", "--kit", str(workshop.kit), "--force", "-v")
    holder = workshop.start(*words, env=env)
    assert holder.stderr is not None
    for line in holder.stderr:
        if "Environment tiny" in line:
            break
    waiting = workshop.start(*words[:-2], env=env)
    assert waiting.stderr is not None
    assert "another imgbuild makes tiny: waiting for it" in waiting.stderr.readline()
    holder.kill()
    holder.communicate(timeout=60)
    _, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, err


def test_an_image_that_is_removed_between_build_and_proof(
    empty: SpareEngine, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(workshop.cache))
    look, options = Look(empty.endpoint), Options(kit=str(workshop.kit), prefix=PREFIX, force=True)

    def remove() -> None:
        (working,) = {name for name in look.images() if ":building-" in name}
        look("rmi", "-f", look("inspect", "-f", "{{.Id}}", working)[0])

    with connect(empty.endpoint) as engine, pytest.raises(ImgbuildError) as caught:
        build(find_project(workshop.root), "tiny", engine, options, at_step("smoke", remove))
    assert caught.value.exit_code in {5, 6}
    assert "no such image" in f"{caught.value} {caught.value.detail}".lower()
    assert "build" in caught.value.fix
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit), env={"DOCKER_HOST": empty.endpoint})
    assert done.code == 0, done.err
    assert not [name for name in look.leftovers() if ":" in name]


def test_a_name_that_was_moved_by_somebody_else_moves_back(empty: SpareEngine, workshop: Workshop) -> None:
    look, env = Look(empty.endpoint), {"DOCKER_HOST": empty.endpoint}
    words = ("build", "tiny", "--kit", str(workshop.kit), "--json")
    first = workshop.run(*words, env=env)
    assert first.code == 0, first.err
    (stranger,) = (name for name in look.images() if name.startswith("imgbuild/base:"))
    look("tag", stranger, f"{PREFIX}/tiny:latest")
    again = workshop.run(*words, env=env)
    assert again.code == 0, again.err
    (image,) = again.document["images"]
    assert image["image_id"] == first.document["images"][0]["image_id"]
    assert look("inspect", "-f", "{{.Id}}", f"{PREFIX}/tiny:latest") == [image["image_id"]]
    assert stranger in look.images()
