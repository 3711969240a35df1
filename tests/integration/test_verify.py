"""`imgbuild verify` on real images: each change is found and named, and an untouched image has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.render.context import context_tar
from builder.render.model import Rendered
from tests.support.engine_base import unique
from tests.support.held import Bench
from tests.support.tampering import CASES, NAME
from tests.support.workshop import Workshop

pytestmark = pytest.mark.engine
ALONE = ("upgraded", "removed")  # both change what others change as well


@pytest.fixture
def record(held: Bench) -> Iterator[Path]:
    """The record of the build, which is put back afterwards."""
    path = held.workshop.root / ".imgbuild" / NAME / "record.json"
    text = path.read_text()
    yield path
    path.write_text(text)


def names(document: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["about"], one["how"], one["name"]) for one in document["drifts"]}


def has(found: set[tuple[str, str, str]], wanted: tuple[str, str, str]) -> bool:
    about, how, end = wanted
    return any(one[:2] == (about, how) and one[2].endswith(end) for one in found)


def test_an_untouched_image_has_no_drift(held: Bench) -> None:
    code, document = held.verify(NAME)
    assert document["drifts"] == []
    assert code == 0
    assert document["passed"] is document["recorded"] is document["deep"] is True
    assert document["unjudged"] == []
    assert document["counts"]["files"] > 5000
    assert document["counts"]["packages"] == 5


def test_the_lock_alone_says_so_as_well(held: Bench, record: Path) -> None:
    record.unlink()
    code, document = held.verify(NAME, "--kit", str(held.workshop.kit))
    assert document["drifts"] == []
    assert code == 0
    assert document["recorded"] is False
    reasons = " ".join(one["why"] for one in document["unjudged"])
    assert "bytecode" in reasons
    assert "installer" in reasons
    assert "activation" in reasons


def test_changes_on_top_are_found_and_named(held: Bench, record: Path) -> None:
    """Many at once, each for itself: with the record of the build, and with the lock alone."""
    together = [case for name, case in CASES.items() if case.lines and name not in ALONE and not case.only]
    with held.changed(*together) as tag:
        code, document = held.verify(tag)
        record.unlink()
        bare_code, bare = held.verify(tag, "--kit", str(held.workshop.kit))
    assert code == bare_code == 7
    assert document["error"]["exit_code"] == 7
    for wanted in (wanted for case in together for wanted in case.finds):
        assert has(names(document), wanted), (wanted, document["drifts"])
        about, _how, end = wanted  # what no archive holds cannot be known to be `changed` then
        assert any(one[0] == about and one[2].endswith(end) for one in names(bare)), (wanted, bare["drifts"])


def test_what_pip_removes_is_a_package(held: Bench) -> None:
    with held.changed(CASES["removed"]) as tag:
        code, document = held.verify(tag)
    assert code == 7
    assert has(names(document), CASES["removed"].finds[0]), document["drifts"]


def test_what_pip_upgrades_is_a_package_and_its_files_are_one_row(held: Bench) -> None:
    with held.changed(CASES["upgraded"]) as tag:
        told = held.workshop.run("verify", tag, "--env", NAME)
    assert told.code == 7
    assert "tabulate 0.10.0 (pip, held)" in told.out
    assert "tabulate 99.0 (installed by pip)" in told.out
    assert "files differ" in told.out
    assert "tabulate/__init__.py" not in told.out


def test_changes_in_the_very_step_that_installs(held: Bench, record: Path) -> None:
    """No layer more, and none that says so: the archives do."""
    together = [case for case in CASES.values() if case.page]
    with held.changed(*together) as tag:
        _code, document = held.verify(tag)
        shallow_code, shallow = held.verify(tag, "--shallow")
        record.unlink()
        bare_code, bare = held.verify(tag, "--kit", str(held.workshop.kit))
    assert shallow_code == bare_code == 7
    assert has(names(shallow), ("layer", "changed", "layer 3"))
    assert shallow["deep"] is False
    for wanted in (wanted for case in together for wanted in case.finds):
        assert has(names(document), wanted), document["drifts"]
        assert has(names(bare), wanted), bare["drifts"]
    assert {one[0] for one in names(bare)} <= {
        "file",
        "label",
    }  # the label of the activation that was left out


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.only])
def test_how_it_starts(name: str, held: Bench) -> None:
    case = CASES[name]
    with held.changed(case) as tag:
        code, document = held.verify(tag, "--shallow")
    found = {one for one in names(document) if one[0] != "verdict"}
    assert code == 7
    assert len(found) == len(case.finds), found
    for wanted in case.finds:
        assert has(found, wanted), found


def test_how_it_starts_is_judged_without_any_record(held: Bench, record: Path) -> None:
    record.unlink()
    together = [CASES[name] for name in ("label", "variable", "new-variable", "user")]
    with held.changed(*together) as tag:
        code, document = held.verify(tag, "--shallow", "--kit", str(held.workshop.kit))
    assert code == 7
    for wanted in (wanted for case in together for wanted in case.finds):
        assert any(one[0] == wanted[0] and one[2].endswith(wanted[2]) for one in names(document)), document


def test_another_base(held: Bench) -> None:
    """The last steps of the page, on a base of other bytes."""
    base, rest = held.rendered.dockerfile.split("\nUSER 0:0\n", 1)
    name = base.rpartition("FROM ")[2].strip()
    last = rest[rest.index("# ---- Activation") :]
    text = f"FROM {name} AS real\nFROM scratch\nCOPY --from=real / /\nUSER 0:0\n{last}"
    with held.built(context_tar(Rendered(text, held.rendered.files)), unique("rebased")) as tag:
        code, document = held.verify(tag, "--shallow")
    assert code == 7
    assert has(names(document), CASES["base"].finds[0])


def test_the_verdict_of_another_image(held: Bench, record: Path) -> None:
    said = json.loads(record.read_text())
    said["verdict"]["image_id"] = f"sha256:{'0' * 64}"
    record.write_text(json.dumps(said))
    code, document = held.verify(NAME, "--shallow")
    assert code == 7
    assert names(document) == {("verdict", "changed", "image of the verdict")}


def test_a_verdict_that_did_not_pass(held: Bench, record: Path) -> None:
    said = json.loads(record.read_text())
    for result in said["verdict"]["results"]:
        result["outcome"] = "failed"
    record.write_text(json.dumps(said))
    code, document = held.verify(NAME, "--shallow")
    assert code == 7
    assert {("verdict", "changed", "audit"), ("verdict", "missing", "smoke tests")} <= names(document)


def test_a_changed_archive_is_no_measure(held: Bench, tmp_path: Path) -> None:
    """What the image is held against is checked itself."""
    kit = Path(shutil.copytree(held.workshop.kit, tmp_path / "kit", copy_function=shutil.copyfile))
    (archive,) = (kit / "channel" / "noarch").glob("imgbuild-sample-*.conda")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(bytes(data))
    done = held.workshop.run("verify", NAME, "--kit", str(kit))
    assert done.code in {3, 5}
    assert "imgbuild-sample" in done.err


def test_explain_names_what_changed(held: Bench) -> None:
    root = held.workshop.root / "envs" / NAME
    same = held.workshop.run("explain", NAME, "--json").document
    assert (same["status"], same["proof"]) == ("same", "")
    main, image = root / "app" / "main.py", root / "image.yml"
    before = (main.read_text(), image.read_text())
    try:
        main.write_text("print('changed')\n")
        image.write_text(before[1].replace("GREETING: hello", "GREETING: goodbye"))
        found = held.workshop.run("explain", NAME, "--json").document
        told = held.workshop.run("explain", NAME).out
    finally:
        main.write_text(before[0])
        image.write_text(before[1])
    assert found["status"] == "rebuilt"
    causes = {(one["kind"], one["name"]) for one in found["changes"]["causes"]}
    assert {("key", "env.GREETING"), ("file", "files/0/main.py")} <= causes
    steps = {one["title"]: one["again"] for one in found["changes"]["steps"]}
    assert [again for title, again in steps.items() if title.startswith("Environment held")] == [False]
    assert [again for title, again in steps.items() if title.startswith("COPY")] == [True]
    assert "env.GREETING" in told


def test_explain_of_a_lock_that_stops_a_build(held: Bench) -> None:
    file = held.workshop.root / "envs" / NAME / "environment.yml"
    before = file.read_text()
    try:
        file.write_text(before.replace("- pip\n", "- pip\n  - numpy\n", 1))
        found = held.workshop.run("explain", NAME, "--json")
    finally:
        file.write_text(before)
    assert found.code == 0, found.err
    assert found.document["status"] == "stopped"
    assert any("numpy" in line for line in found.document["lines"])


def test_diff_of_images(held: Bench, workshop: Workshop) -> None:
    """An image beside one with another label and variable: the locks are the same, and so are the tests."""
    with held.changed(CASES["variable"]) as tag:
        done = held.workshop.run("diff", f"image:{NAME}", f"image:{tag}", "--json")
    assert done.code == 0, done.err
    images = done.document["images"]
    assert done.document["platforms"][0]["counts"] == {}
    assert images["bytes"] == 0
    assert images["old"]["passed"] is True
    assert images["new"]["passed"] is None  # the verdict is another image's
    assert images["old"]["numbers"]["python: python"] == "3.11.2"
    assert {one["name"] for one in images["changes"]} >= {"verdict"}
