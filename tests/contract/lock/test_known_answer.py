"""Made-up channels whose right answers are known by construction: real rattler, the whole of make_lock."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.forge.records import Maker
from benchmarks.forge.world import PINS, World, make_world
from benchmarks.forge.write import write_channel
from builder.lock.make import make_lock
from builder.lock.model import LockSet
from builder.progress import silent
from builder.settings.model import Settings
from builder.store.upstream import CHANNEL_ALIAS, Upstream
from tests.support.local_channel import add_wheel
from tests.support.lock_samples import BASE, conda_environment, image_spec
from tests.support.web import serve, simple_index

SIZE = 400  # projects; about 5,000 records
PINNED_BASE = BASE.model_copy(update={"ref": f"{BASE.ref}@sha256:{'0' * 64}"})


@dataclasses.dataclass(frozen=True)
class Forge:
    """A world and its channel `conda-forge` in a folder; `upper` is a second one with some names, held back."""

    world: World
    root: Path
    upper: frozenset[str] = frozenset()

    @property
    def source(self) -> Upstream:
        return self.source_at(self.root.as_uri())

    def source_at(self, url: str, wheel_index: str = "") -> Upstream:
        mirrors = {f"{CHANNEL_ALIAS}/": f"{url}/"}
        return Upstream(read=lambda: Settings(mirrors=mirrors, wheel_index=wheel_index))

    def right(self, asked: Collection[str], *, cuda: bool = False) -> dict[str, tuple[str, str]]:
        """URL and sha256 of every package that belongs into the lock, by name."""
        found = {}
        for project, version in self.world.closure(asked, self.upper):
            channel = "upper" if project.name in self.upper else "conda-forge"
            record = Maker(self.world, channel).right(project, version, cuda=cuda)
            url = f"{CHANNEL_ALIAS}/{channel}/{record.subdir}/{record.filename}"
            found[project.name] = (url, record.data["sha256"])
        return found


def forge(root: Path, seed: int, size: int = SIZE) -> Forge:
    world = make_world(seed, size)
    maker = Maker(world, "conda-forge")
    write_channel(root / "conda-forge", ((one.name, maker.records(one)) for one in world.projects))
    return Forge(world, root)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    return forge(tmp_path_factory.mktemp("forge"), 1, 1000)


def locked(source: Upstream, asked: Collection[str], *channels: str, **changes: object) -> LockSet:
    pip = changes.pop("pip", ())
    environment = conda_environment(channels=channels or ("conda-forge",), conda=(*PINS, *asked), pip=pip)
    return make_lock(image_spec(environment, base=PINNED_BASE, **changes), "linux/amd64", source, silent)


def conda(lock: LockSet) -> dict[str, tuple[str, str]]:
    return {one.name: (one.url, one.sha256) for one in lock.environments[0].conda}


@given(seed=st.integers(0, 2**32), number=st.integers(0, 9))
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
def test_the_lock_is_the_known_answer(
    seed: int, number: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one = forge(tmp_path_factory.mktemp("forge"), seed)
    asked = one.world.ask(15, number)
    assert conda(locked(one.source, asked)) == one.right(asked)


def test_the_answer_is_not_simply_the_newest(made: Forge) -> None:
    """A solver that took the newest of everything would fail at each of these."""
    asked = made.world.ask(40)
    spoilt = [one.name for one, _ in made.world.closure(asked) if one.answer + 1 < len(one.versions)]
    assert len(spoilt) > 40
    assert len(made.right(asked)) > 100
    assert conda(locked(made.source, asked)) == made.right(asked)


def test_cuda_builds_are_the_answer_where_cuda_is_declared(made: Forge) -> None:
    asked = [one.name for one in made.world.projects if one.gpu]
    assert asked
    for cuda in (None, "12.6"):
        lock = locked(made.source, asked, cuda=cuda)
        assert conda(lock) == made.right(asked, cuda=cuda is not None)
        builds = [one.build.startswith("cuda126_") for one in lock.environments[0].conda if one.name in asked]
        assert builds == [cuda is not None] * len(asked)


def test_strict_priority_over_two_channels(tmp_path: Path) -> None:
    """Some names are in an upper channel as well, whose newest is older: they come from there, the rest from below."""
    lower = forge(tmp_path, 5, 800)
    names = [one.name for one in lower.world.projects if one.kind != "core"]
    asked = lower.world.ask(30)
    both = Forge(lower.world, tmp_path, frozenset(names[::3]))
    maker = Maker(both.world, "upper")
    groups = [
        (one.name, maker.records(one, one.steady)) for one in both.world.projects if one.name in both.upper
    ]
    write_channel(tmp_path / "upper", groups)
    lock = locked(both.source, asked, "upper", "conda-forge")
    assert conda(lock) == both.right(asked)
    assert {one.channel for one in lock.environments[0].conda if one.name in both.upper} == {
        f"{CHANNEL_ALIAS}/upper"
    }
    assert any(name not in both.upper for name in asked)
    older = [one for one, _ in both.world.closure(asked, both.upper) if one.name in both.upper]
    assert any(one.steady < one.answer for one in older)
    assert conda(locked(both.source, asked, "conda-forge", "upper")) == lower.right(asked)


@pytest.mark.parametrize("hidden", ["", "repodata_shards.msgpack.zst", "repodata.json.zst"])
def test_every_form_of_the_index_gives_the_same_lock(made: Forge, hidden: str, tmp_path: Path) -> None:
    """Over HTTP: shards where there are any, else the whole index, compressed or not."""
    asked = made.world.ask(20, 3)
    names = {hidden, "repodata_shards.msgpack.zst"} if hidden else set()
    root = without(made.root, tmp_path / "served", names)
    with serve({"mirror": root}) as web:
        lock = locked(made.source_at(f"{web.url}/mirror"), asked)
    assert conda(lock) == made.right(asked)
    fetched = {path.rsplit("/", 1)[1] for path in web.asked if "/shards/" not in path}
    assert any("/shards/" in path for path in web.asked) == (not hidden)
    assert ("repodata.json.zst" in fetched) == (hidden != "")
    assert lock == locked(made.source, asked)


def without(root: Path, target: Path, names: Collection[str]) -> Path:
    for path in root.rglob("*"):
        if path.is_file() and path.name not in names:
            copy = target / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    return target


def test_what_conda_brings_is_not_resolved_twice_by_pip(made: Forge, tmp_path: Path) -> None:
    asked = made.world.ask(30, 4)
    python = [one.name for one, _ in made.world.closure(asked) if one.kind in {"pure", "compiled"}]
    library = next(one.name for one, _ in made.world.closure(asked) if one.kind == "library")
    assert len(python) > 30
    wheels = tmp_path / "wheels"
    for name in (*python, library):
        add_wheel(wheels, name, "9999.0")
    add_wheel(wheels, "extra", "1.0", needs=[*python, library])
    add_wheel(wheels, "uv", "0.0.1", tag="py3-none-manylinux_2_17_x86_64")
    folders = {"simple": simple_index(tmp_path / "simple", wheels), "packages": wheels}
    with serve(folders) as web:
        source = made.source_at(made.root.as_uri(), f"{web.url}/simple/")
        lock = locked(source, asked, pip=("extra", *python[:5]))
    # A library of that name is no distribution: pip brings its own.
    assert [wheel.name for wheel in lock.environments[0].pip] == sorted(["extra", library])
    assert conda(lock) == made.right(asked)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = (
        contents(forge(tmp_path / name, seed).root) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again
    assert first != other


def contents(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
