"""Which image gets which name: only what passed, only what we made ourselves, and one failure stops no other image."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.engine.port import Engine
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine


def docker(*words: str, text: str | None = None) -> str:
    return subprocess.run(["docker", *words], input=text, capture_output=True, text=True, check=True).stdout


def test_an_image_built_on_ours_does_not_take_its_name(workshop: Workshop, engine: Engine) -> None:
    first = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json").document["images"][0]
    created = docker("create", f"{PREFIX}/tiny").strip()
    docker("commit", "--message", "mine", created, f"{PREFIX}/mine")  # inherits every label of ours
    docker("rm", created)
    try:
        (workshop.root / ".imgbuild" / "tiny" / "record.json").unlink()
        again = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json").document["images"][0]
    finally:
        docker("rmi", f"{PREFIX}/mine")
    assert again["image_id"] == first["image_id"]
    assert again["status"] == "unchanged"
    labels = json.loads(docker("inspect", "-f", "{{json .Config.Labels}}", f"{PREFIX}/tiny"))
    assert labels["io.imgbuild.kind"] == "image"


def test_an_image_whose_proof_fails_loses_its_name(workshop: Workshop, tmp_path: Path) -> None:
    folder = workshop.root / "envs" / "tiny"
    definition = folder / "image.yml"
    text = definition.read_text()
    assert workshop.run("build", "tiny", "--kit", str(workshop.kit)).code == 0
    (folder / "smoke").mkdir()
    (folder / "smoke" / "new.py").write_text("raise SystemExit('the new test says no')\n")
    try:
        definition.write_text(text + "smoke: [{run: smoke/new.py}]\n")
        done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
        named = docker("images", "--format", "{{.Tag}}", f"{PREFIX}/tiny").split()
    finally:
        definition.write_text(text)
        shutil.rmtree(folder / "smoke")
    assert done.code == 6
    assert "the new test says no" in done.err
    assert named == ["unproven"]
    assert workshop.run("build", "tiny", "--kit", str(workshop.kit)).code == 0
    assert docker("images", "--format", "{{.Tag}}", f"{PREFIX}/tiny").split() == ["latest"]


def test_one_failure_stops_no_other_image(workshop: Workshop, engine: Engine) -> None:
    done = workshop.run("build", "broken", "tiny", "--kit", str(workshop.kit), "--json")
    assert done.code == 6
    broken, tiny = done.document["images"]
    assert (broken["status"], broken["image"]) == ("failed", "broken")
    assert "prediction at 3 is 5" in broken["error"]["detail"]
    assert tiny["verdict"]["results"][0]["outcome"] == "passed"


def test_a_failed_test_is_one_document(workshop: Workshop, engine: Engine) -> None:
    assert workshop.run("build", "broken", "--kit", str(workshop.kit)).code == 6
    done = workshop.run("test", "broken", "--json")
    assert done.code == 6
    assert done.document["passed"] is False
    assert done.document["error"]["exit_code"] == 6


def test_without_a_proof_and_with_more_names(workshop: Workshop, engine: Engine) -> None:
    tag = f"{PREFIX}/another:v1"
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--no-smoke", "--tag", tag, "--json")
    assert done.code == 0, done.err
    assert done.document["images"][0]["verdict"] is None
    assert docker("inspect", "-f", "{{.Id}}", tag) == docker("inspect", "-f", "{{.Id}}", f"{PREFIX}/tiny")
    listed = {image["name"]: image["proven"] for image in workshop.run("list", "--json").document["images"]}
    assert listed["tiny"] == "not proven"


def test_a_part_of_the_proof_is_not_all_of_it(workshop: Workshop, engine: Engine) -> None:
    assert workshop.run("build", "offline", "--kit", str(workshop.kit)).code == 0
    assert workshop.run("test", "offline", "--only", "python").code == 0
    listed = {image["name"]: image["proven"] for image in workshop.run("list", "--json").document["images"]}
    assert listed["offline"].startswith("in part")


def test_a_kit_whose_lock_was_edited(workshop: Workshop, tmp_path: Path) -> None:
    kit = Path(shutil.copytree(workshop.kit, tmp_path / "kit"))
    held = kit / "locks" / "tiny" / "imgbuild.lock.json"
    held.write_text(held.read_text().replace('"variables": {}', '"variables": {"EVIL": "1"}'))
    done = workshop.run("build", "tiny", "--kit", str(kit))
    assert done.code == 3
    assert "imgbuild.lock.json" in done.err


def test_an_image_over_its_budget(workshop: Workshop, engine: Engine) -> None:
    definition = workshop.root / "envs" / "tiny" / "image.yml"
    text = definition.read_text()
    try:
        definition.write_text(text + "budget: {size: 100MB}\n")
        done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
    finally:
        definition.write_text(text)
    assert done.code == 6
    assert "more than its budget of 100 MB" in done.err
