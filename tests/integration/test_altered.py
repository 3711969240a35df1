"""A file that was altered after it was checked: it is named, and nothing of it becomes an image."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.cli.boundary import error_text
from builder.engine.connect import connect
from builder.engine.port import Engine
from builder.errors import BuildError
from builder.plan import group_packages
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.cache import Store
from builder.store.fetch import fetch
from builder.store.kit import Kit
from builder.store.pack import checked, pack
from builder.store.upstream import Upstream
from builder.workflow.build import Options, build
from builder.workflow.locking import current_lock
from tests.support.flaky_server import flaky_server
from tests.support.left import Look, at_step
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine


@pytest.fixture
def own_kit(workshop: Workshop, tmp_path: Path) -> Path:
    """A kit that a test may spoil."""
    return Path(shutil.copytree(workshop.kit, tmp_path / "kit", copy_function=shutil.copyfile))


def alter(path: Path) -> None:
    """Change one byte in the middle, as a failing disk or a stranger does; size and time stay."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize(
    ("what", "step", "made"),
    [
        ("installer/Miniconda3-*.sh", "import Miniconda3", "imgbuild/pkg"),
        ("channel/*/pip-*.conda", "import 2 conda packages", "imgbuild/pkg"),
        ("base/*.tar", "import base", "imgbuild/base"),
    ],
    ids=["installer", "package", "base"],
)
def test_a_file_of_the_kit(
    what: str,
    step: str,
    made: str,
    empty: SpareEngine,
    own_kit: Path,
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    (victim,) = own_kit.glob(what)
    look, options = Look(empty.endpoint), Options(kit=str(own_kit), prefix=PREFIX)
    before = look.images()
    with connect(empty.endpoint) as engine, pytest.raises(BuildError) as caught:
        build(find_project(workshop.root), "tiny", engine, options, at_step(step, lambda: alter(victim)))
    text = error_text(caught.value)
    assert f"{victim.name} is not what the lock names: sha256 expected" in text
    assert str(victim) in text
    assert "restore the kit" in text
    assert caught.value.exit_code == 5
    assert look.leftovers() == []
    if made == "imgbuild/base":
        assert not any(name.startswith(made) for name in look.images())
    else:
        assert len(set(look.images()) - set(before)) <= 1  # the group before it


def test_a_file_of_the_store(
    empty: SpareEngine, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kit, store = Kit.open(workshop.kit), Store(tmp_path / "cache")
    spec = load_image(find_project(workshop.root), "tiny")
    lock = current_lock(spec, "linux/amd64", kit, locked=True, observer=lambda _event: None)
    with flaky_server() as server, connect(empty.endpoint) as engine:
        group = next(group for group in group_packages(lock) if group.kind == "conda")
        for file in group.files:
            path = kit.local(file)
            assert path is not None
            server.bodies[f"/{file.sha256}"] = path.read_bytes()
        # The same group under another name in the engine: these bytes come over HTTP.
        files = [file.model_copy(update={"url": f"{server.url}/{file.sha256}"}) for file in group.files]
        paths = fetch(files, Upstream(), store)
        victim = paths[files[0].sha256]
        alter(victim)
        with pytest.raises(BuildError, match="is not what the lock names") as caught:
            brought_in(engine, pack(group, paths), "imgbuild/pkg:altered")
        assert str(victim) in caught.value.where
        assert engine.find("imgbuild/pkg:altered") is None
        victim.unlink()  # what the message says
        paths = fetch(files, Upstream(), store)
        brought_in(engine, pack(group, paths), "imgbuild/pkg:altered")
        assert engine.find("imgbuild/pkg:altered") is not None
        engine.remove("imgbuild/pkg:altered")


def brought_in(engine: Engine, tar: Iterator[bytes], tag: str) -> None:
    engine.import_tar(tag, tar, labels={}, platform="linux/amd64")


def test_the_end_of_an_altered_file_is_never_sent(workshop: Workshop, own_kit: Path) -> None:
    """A tar's end mark would make the engine take what it has got as whole."""
    kit = Kit.open(own_kit)
    lock = current_lock(
        load_image(find_project(workshop.root), "tiny"), "linux/amd64", kit, locked=True, observer=print
    )
    assert lock.base.tar is not None
    path = kit.local(lock.base.tar)
    assert path is not None
    alter(path)
    sent: list[int] = []
    with pytest.raises(BuildError):
        sent.extend(len(piece) for piece in checked(lock.base.tar, path))
    assert 0 < sum(sent) <= path.stat().st_size - (1 << 20)
