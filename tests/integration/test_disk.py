"""Disks that are full or read-only: the engine's, the store's, the kit's, the project's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.cli.boundary import error_text
from builder.engine.connect import connect
from builder.engine.faults import EngineFull
from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.progress import Event, Observer, StepStarted
from builder.spec.project import find_project
from builder.store.cache import Store
from builder.store.fetch import fetch
from builder.store.upstream import Upstream
from builder.workflow.build import Options, build
from tests.support.flaky_server import flaky_server
from tests.support.left import Look, at_step
from tests.support.small_disk import Disk, read_only_view, small_disk
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import PREFIX, Workshop, project_at

pytestmark = pytest.mark.engine

STEPS = ("import Miniconda3", "import base", "Environment tiny", "exporting to image", "smoke")


@pytest.fixture(scope="module")
def cramped() -> Iterator[tuple[SpareEngine, Disk]]:
    """An engine whose data lies on a disk that a test can fill."""
    with tempfile.TemporaryDirectory(prefix="spare-", ignore_cleanup_errors=True) as home:
        engine = SpareEngine(Path(home))
        with small_disk(engine.home / "data", "1500m") as disk:
            engine.start()
            try:
                yield engine, disk
            finally:
                disk.release()
                engine.end()


def noted(events: list[Event], observer: Observer) -> Observer:
    """The observer, and all that it is told in a list."""

    def observe(event: Event) -> None:
        events.append(event)
        observer(event)

    return observe


@pytest.mark.parametrize("where", STEPS)
def test_the_engines_disk_is_full(
    where: str,
    cramped: tuple[SpareEngine, Disk],
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    spare, disk = cramped
    events: list[Event] = []
    look, project = Look(spare.endpoint), find_project(project_at(tmp_path / "project"))
    for key, value in workshop.environ({"IMGBUILD_CACHE": str(tmp_path / "cache")}).items():
        monkeypatch.setenv(key, value)
    options = Options(kit=str(workshop.kit), prefix=PREFIX)
    with connect(spare.endpoint) as engine:
        try:
            with pytest.raises(EngineFull) as caught:
                build(project, "tiny", engine, options, noted(events, at_step(where, disk.fill)))
        finally:
            disk.release()
    text = error_text(caught.value)
    assert text.startswith("error: no space left on the engine's disk ("), text
    assert f"GB free at {spare.home}/data)" in text
    assert "docker system df" in text
    assert caught.value.exit_code == 5
    # A full engine cannot take an image away either. One that it had exported before the disk was full, as what follows
    # upon the export shows, waits for the next command with room (the test below); nothing else does, and at no other
    # moment.
    exported = any(isinstance(event, StepStarted) and "Activation of" in event.title for event in events)
    assert exported == (where == "smoke") or where == "exporting to image"
    assert [*look("ps", "-aq"), *look("volume", "ls", "-q")] == []
    nameless = look("images", "-q", "--filter", "dangling=true")
    assert all("/tiny:" in one or one in nameless for one in look.leftovers())
    assert len({*nameless, *look("images", "-q", f"{PREFIX}/tiny")}) <= exported
    assert f"{PREFIX}/tiny:latest" not in look.images()


def test_what_cannot_fit_is_refused_before_it_begins(
    cramped: tuple[SpareEngine, Disk], workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spare, disk = cramped
    events: list[Event] = []
    for key, value in workshop.environ({"IMGBUILD_CACHE": str(tmp_path / "cache")}).items():
        monkeypatch.setenv(key, value)
    project, options = (
        find_project(project_at(tmp_path / "project")),
        Options(kit=str(workshop.kit), prefix=PREFIX),
    )
    with connect(spare.endpoint) as engine:
        before = Look(spare.endpoint).images()
        disk.fill()
        try:
            with pytest.raises(BuildError, match="regression does not fit: it takes at least") as caught:
                build(project, "regression", engine, options, noted(events, lambda _event: None))
        finally:
            disk.release()
    assert caught.value.exit_code == 5
    assert caught.value.where == f"{spare.home}/data"
    assert "`imgbuild clean` would free" in caught.value.fix
    assert not [event for event in events if isinstance(event, StepStarted)]
    assert Look(spare.endpoint).images() == before


def test_with_room_again_it_ends_proven(cramped: tuple[SpareEngine, Disk], workshop: Workshop) -> None:
    spare, _ = cramped
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit), env={"DOCKER_HOST": spare.endpoint})
    assert done.code == 0, done.err
    assert Look(spare.endpoint).leftovers() == []


def test_the_stores_disk_is_too_small_for_what_the_lock_tells(tmp_path: Path) -> None:
    with small_disk(tmp_path / "cache", "2m") as disk, flaky_server() as server:
        with pytest.raises(BuildError, match="the downloads need 0.00 GB and") as caught:
            fetch([served(server.url, server.bodies, 4 << 20, told=True)], Upstream(), Store(disk.path))
        assert "IMGBUILD_CACHE" in caught.value.fix
        assert server.seen == []
        assert list(disk.path.iterdir()) == []


def test_the_stores_disk_fills_while_it_is_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "cache", "2m") as disk, flaky_server() as server:
        store, file = Store(disk.path), served(server.url, server.bodies, 4 << 20, told=False)
        with pytest.raises(BuildError, match="no space left for downloads") as caught:
            fetch([file], Upstream(), store)
        assert str(disk.path) in caught.value.where
        assert "IMGBUILD_CACHE" in caught.value.fix
        assert store.find(file) is None


def test_a_read_only_store_that_lacks_a_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "cache", "8m") as disk, flaky_server() as server:
        store = Store(disk.path)
        here = served(server.url, server.bodies, 1000, told=True)
        fetch([here], Upstream(), store)
        disk.read_only()
        assert fetch([here], Upstream(), store)[here.sha256].stat().st_size == 1000
        with pytest.raises(BuildError, match="cannot write: Read-only file system") as caught:
            fetch([here, served(server.url, server.bodies, 2000, told=True)], Upstream(), store)
        assert "IMGBUILD_CACHE" in caught.value.fix


def served(url: str, bodies: dict[str, bytes], size: int, *, told: bool) -> LockedFile:
    """A file of this many bytes on the server; told: whether the lock knows its size."""
    import hashlib

    body = bytes(size)
    bodies[f"/{size}"] = body
    digest = hashlib.sha256(body).hexdigest()
    return LockedFile(url=f"{url}/{size}", sha256=digest, size=size if told else None)


def test_store_kit_and_temporary_directory_are_read_only(
    workshop: Workshop, engine: object, tmp_path: Path
) -> None:
    with (
        small_disk(tmp_path / "cache", "1m") as disk,
        read_only_view(workshop.kit, tmp_path / "kit") as kit,
    ):
        disk.read_only()
        env = {"IMGBUILD_CACHE": str(disk.path), "TMPDIR": str(disk.path)}
        done = workshop.run("build", "tiny", "--force", "--kit", str(kit), "--json", env=env)
        assert done.code == 0, done.err
        assert done.document["images"][0]["verdict"]["results"][0]["outcome"] == "passed"


@pytest.fixture
def proven(workshop: Workshop, engine: object) -> None:
    assert workshop.run("build", "tiny", "--kit", str(workshop.kit)).code == 0


@pytest.mark.parametrize("fault", ["full", "read-only", "a file"])
def test_a_record_that_cannot_be_kept(fault: str, proven: None, workshop: Workshop, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        root = project_at(disk.path / "project")
        if fault == "full":
            disk.fill()
        elif fault == "read-only":
            disk.read_only()
        else:
            (root / ".imgbuild").write_text("")
        done = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json", cwd=root)
        text = workshop.run("build", "tiny", "--kit", str(workshop.kit), "-q", cwd=root)
        listed = workshop.run("list", cwd=root)
        assert [path.name for path in (root / ".imgbuild").rglob("*.json*")] == []
    assert done.code == text.code == listed.code == 0, done.err + text.err + listed.err
    (image,) = done.document["images"]
    assert image["record"] is None
    assert image["verdict"]["results"][0]["outcome"] == "passed"
    assert "could not be kept" in done.err
    assert "could not be kept" in text.out


def test_a_context_that_does_not_fit(workshop: Workshop, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        output = disk.path / "context"
        done = workshop.run("render", "tiny", "--kit", str(workshop.kit), "--output", str(output))
        assert list(disk.path.iterdir()) == []
        disk.read_only()
        refused = workshop.run("render", "tiny", "--kit", str(workshop.kit), "--output", str(output))
    assert done.code == refused.code == 5, done.err + refused.err
    assert "No space left on device" in done.err
    assert "--output" in done.err
    assert "Read-only file system" in refused.err
