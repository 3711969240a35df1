"""What `clean` counts as needed, what it takes, and what it leaves alone."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from builder.errors import BuildError, UsageError
from builder.spec.project import Project
from builder.workflow.cleaning import Leftover, leftovers, remove
from tests.support.engine_base import tar_of
from tests.support.fake_engine import FakeEngine

LABELS = {"io.imgbuild.kind": "pkg"}


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))


def project_with(root: Path, image: str = "") -> Project:
    (root / "envs/one").mkdir(parents=True)
    (root / "envs/one/environment.yml").write_text("name: one\ndependencies: [python]\n")
    (root / "envs/one/image.yml").write_text(image)
    return Project(root, root / "envs")


def engine_with(*names: str, kind: str = "pkg") -> FakeEngine:
    engine = FakeEngine()
    for name in names:
        engine.import_tar(
            name, [tar_of({"a": b"x"})], labels={"io.imgbuild.kind": kind}, platform="linux/amd64"
        )
    return engine


def test_what_no_image_needs_can_go(tmp_path: Path) -> None:
    found = leftovers(project_with(tmp_path), engine_with("imgbuild/pkg:old", "mine/pkg:x"))
    assert [(one.kind, one.name) for one in found.leftovers] == [("packages", "imgbuild/pkg:old")]
    assert found.unknown == ()


def test_an_image_that_cannot_be_read_may_need_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with("imgbuild/pkg:old")
    found = leftovers(project_with(tmp_path / "typo", "bse: x\n"), engine)
    assert found.leftovers == ()
    assert [(name, "unknown key" in why) for name, why in found.unknown] == [("envs/one/image.yml", True)]
    monkeypatch.setenv("IMGBUILD_KIT", str(tmp_path / "gone"))
    found = leftovers(project_with(tmp_path / "kit"), engine)
    assert found.leftovers == ()
    assert [name for name, _ in found.unknown] == ["one"]
    everything = leftovers(project_with(tmp_path / "all", "bse: x\n"), engine, everything=True)
    assert [one.name for one in everything.leftovers] == ["imgbuild/pkg:old"]


def test_an_image_that_has_its_name_as_well_stays(tmp_path: Path) -> None:
    engine = engine_with("team/one:unproven", kind="image")
    image = engine.find("team/one:unproven")
    assert image is not None
    project = project_with(tmp_path)
    assert [one.kind for one in leftovers(project, engine).leftovers] == ["unproven"]
    engine.tag(image.id, "team/one:latest")
    assert leftovers(project, engine).leftovers == ()


def test_one_that_is_in_use_stays_and_the_others_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with("imgbuild/pkg:a", "imgbuild/pkg:b")
    real = engine.remove

    def refusing(ref: str) -> None:
        if ref == "imgbuild/pkg:a":
            raise BuildError("container 1234 uses it")
        real(ref)

    monkeypatch.setattr(engine, "remove", refusing)
    found = leftovers(project_with(tmp_path), engine).leftovers
    assert [(one.name, why) for one, why in remove(engine, found)] == [
        ("imgbuild/pkg:a", "container 1234 uses it"),
        ("imgbuild/pkg:b", ""),
    ]


def test_it_stops_when_another_begins(tmp_path: Path) -> None:
    engine = engine_with("imgbuild/pkg:a", "imgbuild/pkg:b")
    going = remove(engine, leftovers(project_with(tmp_path), engine).leftovers)
    first, _ = next(going)
    assert first.name == "imgbuild/pkg:a"
    turn = tmp_path / "cache" / "turns" / "x"
    turn.parent.mkdir(parents=True)
    with turn.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another imgbuild is at work"):
            next(going)
    assert engine.find("imgbuild/pkg:b") is not None


def test_a_file_that_went_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "sha256" / "ab"
    folder.mkdir(parents=True)
    (folder / ("ab" + 62 * "0")).symlink_to(tmp_path / "nowhere")
    (one,) = leftovers(project_with(tmp_path), FakeEngine()).leftovers
    assert one == Leftover(kind="store", name=str(folder / ("ab" + 62 * "0")), bytes=0)


def test_volumes_of_people_go_only_when_asked_for(tmp_path: Path) -> None:
    engine, project = engine_with(), project_with(tmp_path)
    engine.volumes = {"imgbuild-cache-me": 7}
    assert leftovers(project, engine, everything=True, build_cache=True).leftovers == ()
    found = leftovers(project, engine, caches=True).leftovers
    assert found == (Leftover(kind="caches", name="imgbuild-cache-me", bytes=7),)
    assert [why for _, why in remove(engine, found)] == [""]
    assert engine.volumes == {}


def test_what_may_not_be_removed_is_told_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_text("x")
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == "first":
            raise PermissionError(13, "Permission denied", str(path))
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    found = [Leftover(kind="store", name=str(tmp_path / name), bytes=1) for name in ("first", "second")]
    assert [why for _, why in remove(FakeEngine(), found)] == ["cannot be removed: Permission denied", ""]
    assert not (tmp_path / "second").exists()


def test_records_that_may_not_be_removed_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rmtree(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builder.workflow.cleaning.shutil.rmtree", rmtree)
    found = [Leftover(kind="records", name=str(tmp_path), bytes=1)]
    assert [why for _, why in remove(FakeEngine(), found)] == ["cannot be removed: Permission denied"]
