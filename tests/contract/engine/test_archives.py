"""Images that go from one engine to another: saved, spelled in one way, loaded."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.progress import silent
from builder.store.archive import base_ref, check_archive, normalise
from tests.contract.engine.conftest import World
from tests.support.engine_base import context_of, tar_of, unique


def _saved(world: World, ref: str) -> io.BytesIO:
    return io.BytesIO(b"".join(world.engine.save(ref)))


def _archive(world: World, ref: str, target: Path) -> str:
    """Save to target in the one spelling; the name is removed from the engine after the test."""
    image_id = normalise(_saved(world, ref), target, where=ref)
    world.tags.append(base_ref(image_id))
    return image_id


def test_a_saved_image_loads_as_the_same_image(world: World, tmp_path: Path) -> None:
    tag, path = world.tag("save"), tmp_path / "base.tar"
    labels = {"io.imgbuild.test.id": tag}
    before = world.engine.import_tar(tag, [tar_of({"a": b"1"})], labels=labels, platform="linux/amd64")
    image_id = _archive(world, tag, path)
    assert image_id == before.id
    check_archive(path, image_id)
    world.engine.remove(tag)
    assert world.engine.find(image_id) is None
    with path.open("rb") as stream:
        after = world.engine.load(base_ref(image_id), stream)
    assert (after.id, after.tags, after.created) == (before.id, (base_ref(image_id),), before.created)
    assert (after.labels, after.platform) == (before.labels, before.platform)
    assert _archive(world, after.id, tmp_path / "again.tar") == image_id
    assert (tmp_path / "again.tar").read_bytes() == path.read_bytes()


def test_what_is_not_there_cannot_be_saved(world: World) -> None:
    with pytest.raises(BuildError, match="does not exist"):
        list(world.engine.save(unique("missing")))


def test_a_saving_that_is_given_up_leaves_the_engine_well(world: World) -> None:
    pieces = world.engine.save(world.base.id)
    next(iter(pieces))
    pieces.close()  # type: ignore[attr-defined]
    assert world.engine.find(world.base.id) == world.base


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("kind", [BrokenError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("share", [0.2, 0.9])
def test_an_archive_that_breaks_off_makes_no_image(
    world: World, kind: type[BaseException], share: float, tmp_path: Path
) -> None:
    tag = world.tag("save")
    world.engine.import_tar(tag, [tar_of({"a": b"x" * 100_000})], labels={"x": tag}, platform="linux/amd64")
    image_id = _archive(world, tag, tmp_path / "base.tar")
    world.engine.remove(tag)
    data, error = (tmp_path / "base.tar").read_bytes(), kind("gone")

    def pieces() -> Iterator[bytes]:
        yield data[: int(len(data) * share)]
        raise error

    with pytest.raises(kind) as caught:
        world.engine.load(base_ref(image_id), pieces())
    assert caught.value is error
    assert world.engine.find(base_ref(image_id)) is None
    assert world.engine.find(image_id) is None


def test_a_changed_layer_is_refused_by_the_engine(world: World, tmp_path: Path) -> None:
    tag = world.tag("save")
    world.engine.import_tar(tag, [tar_of({"a": b"good" * 200})], labels={"x": tag}, platform="linux/amd64")
    image_id = _archive(world, tag, tmp_path / "base.tar")
    world.engine.remove(tag)
    data = (tmp_path / "base.tar").read_bytes().replace(b"good", b"evil")
    with pytest.raises(BuildError):
        world.engine.load(base_ref(image_id), [data])
    assert world.engine.find(base_ref(image_id)) is None


def test_what_is_no_archive_is_a_build_error(world: World) -> None:
    for data in (b"no tar at all" * 100, tar_of({"a": b"1"})):
        with pytest.raises(BuildError):
            world.engine.load(base_ref("sha256:" + "0" * 64), [data])


@pytest.mark.engine
def test_layers_and_configuration_survive(world_real: World, tmp_path: Path) -> None:
    """An image of several layers, two of them equal, as a registry may have it."""
    engine, tag = world_real.engine, world_real.tag("layers")
    page = (
        f"FROM {world_real.base_tag}\nENV GREETING=hello\nRUN touch /kept\nRUN cat /kept\nRUN cat /kept; true\n"
        'WORKDIR /tmp\nUSER 1234:0\nCMD ["cat", "/kept"]\n'
    )
    built = engine.build(
        context_of(page), tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent
    )
    image_id = _archive(world_real, tag, tmp_path / "base.tar")
    assert image_id == built
    engine.remove(tag)
    with (tmp_path / "base.tar").open("rb") as stream:
        loaded = engine.load(base_ref(image_id), stream)
    assert loaded.id == built
    assert loaded.env["GREETING"] == "hello"
    with tarfile.open(tmp_path / "base.tar") as tar:
        assert tar.getnames()[0] == "manifest.json"
        assert {member.mtime for member in tar.getmembers()} == {0}
