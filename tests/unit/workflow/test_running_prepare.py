"""From options to a program: user, mounts, memory, what is refused and what is told; on an engine in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.engine.attended import Account, Mount, ProgramSpec, Publish
from builder.engine.port import EngineInfo, GpuRequest, ImageInfo
from builder.errors import EngineError, UsageError
from builder.spec.project import Project
from builder.workflow.running.prepare import Here, Prepared, Wish, prepare
from tests.support.fake_engine import FakeEngine

INFO = EngineInfo(
    "20.10.24", "1.41", "linux/amd64", True, "unix:///fake.sock", "overlay2", memory=32 << 30, here=False
)


class KnownEngine(FakeEngine):
    """One that says of itself what a test wants, and holds an image."""

    told: EngineInfo = INFO

    def info(self) -> EngineInfo:
        return self.told


@pytest.fixture
def engine() -> KnownEngine:
    made = KnownEngine()
    made.images["sha256:1"] = ImageInfo("sha256:1", (), {}, 1, "linux/amd64", env={"HOME": "/home/app"})
    made.tags["imgbuild/fit:latest"] = "sha256:1"
    return made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "envs/fit"
    folder.mkdir(parents=True)
    (folder / "environment.yml").write_text("channels: [conda-forge]\ndependencies: [python=3.12]\n")
    (folder / "image.yml").write_text("platforms: [linux/amd64]\n")
    return Project(tmp_path, folder.parent)


NOTHING = Wish()
HERE = Here(Path("/home/me/job"), (1234, 5678), "me")


def prepared(project: Project, engine: FakeEngine, wish: Wish = NOTHING, here: Here = HERE) -> Prepared:
    return prepare(project, "fit", engine, wish, here)  # type: ignore[arg-type]


def spec(project: Project, engine: FakeEngine, here: Here = HERE, **wish: Any) -> ProgramSpec:
    return prepared(project, engine, Wish(**wish), here).spec


def test_without_options(project: Project, engine: KnownEngine) -> None:
    made = spec(project, engine, argv=("python",))
    assert made == ProgramSpec(
        image="imgbuild/fit:latest",
        argv=("python",),
        env={"NVIDIA_VISIBLE_DEVICES": "void", "USER": "me"},
        user="1234:5678",
        groups=("0",),
        account=Account("me", 1234, 5678, "/home/app"),
        workdir="/work",
        mounts=(Mount("bind", "/home/me/job", "/work"), Mount("volume", "imgbuild-cache-me", "/cache")),
        shm=16 << 30,
        hostname="fit",
    )


def test_all_that_can_be_asked_for(project: Project, engine: KnownEngine) -> None:
    port, more = Publish(8888), Mount("volume", "data", "/data")
    made = spec(
        project, engine, mount=False, cache=False, mounts=(more,), user="0", env={"A": "1", "USER": "other"},
        ports=(port,), network="host", shm=1 << 20, memory=8 << 30, workdir="/srv", name="mine",
    )  # fmt: skip
    assert (made.mounts, made.ports, made.network, made.hostname) == ((more,), (port,), "host", "")
    assert (made.shm, made.memory, made.workdir, made.name, made.user) == (
        1 << 20,
        8 << 30,
        "/srv",
        "mine",
        "0",
    )
    assert made.env == {"NVIDIA_VISIBLE_DEVICES": "void", "A": "1", "USER": "other"}
    assert made.account is None


def test_what_is_mounted_there_already_stands_in_place_of_ours(project: Project, engine: KnownEngine) -> None:
    own = (Mount("bind", "/data", "/work", True), Mount("volume", "all", "/cache/"))
    made = spec(project, engine, mounts=own)
    assert made.mounts == own
    assert made.workdir == "/work"


def test_without_the_directory_the_images_own_place_is_kept(project: Project, engine: KnownEngine) -> None:
    assert spec(project, engine, mount=False).workdir == ""


@pytest.mark.parametrize(
    ("wish", "memory", "shm"),
    [
        (None, 32 << 30, 16 << 30),
        (4 << 30, 32 << 30, 2 << 30),
        (None, 0, 1 << 30),
        (6 << 20, 32 << 30, 64 << 20),
    ],
)
def test_shared_memory_is_half_of_the_memory(
    project: Project, engine: KnownEngine, wish: int | None, memory: int, shm: int
) -> None:
    engine.told = replace(INFO, memory=memory)
    assert spec(project, engine, memory=wish).shm == shm


def test_the_caller_of_a_rootless_engine_is_its_root(project: Project, engine: KnownEngine) -> None:
    engine.told = replace(INFO, rootless=True)
    made = spec(project, engine)
    assert (made.user, made.account, made.pinned) == ("0:0", None, False)


def test_a_system_without_uids_keeps_the_images_user(project: Project, engine: KnownEngine) -> None:
    made = spec(project, engine, replace(HERE, ids=None))
    assert (made.user, made.account) == ("", None)


def test_a_terminal_has_a_name_that_images_know(project: Project, engine: KnownEngine) -> None:
    made = spec(project, engine, replace(HERE, terminal=True, term="foot", stdin=True))
    assert (made.tty, made.env["TERM"]) == (True, "xterm-256color")


def test_selinux_is_told_to_leave_directories_alone(project: Project, engine: KnownEngine) -> None:
    engine.told = replace(INFO, selinux=True)
    assert spec(project, engine).unlabelled
    assert not spec(project, engine, mount=False).unlabelled


@pytest.mark.parametrize("wish", [{}, {"mount": False, "mounts": (Mount("bind", "/home/me/job", "/x"),)}])
def test_an_engine_elsewhere_mounts_nothing_of_ours(
    project: Project, engine: KnownEngine, wish: dict[str, Any]
) -> None:
    engine.told = replace(INFO, sees_paths=False, here=False, endpoint="tcp://far:2376")
    with pytest.raises(
        EngineError, match="does not see this machine's directories, and /home/me/job"
    ) as error:
        spec(project, engine, **wish)
    assert error.value.where == "tcp://far:2376"
    assert "--no-mount" in error.value.fix
    made = spec(project, engine, mount=False, mounts=(Mount("volume", "data", "/data"),))
    assert [one.kind for one in made.mounts] == ["volume", "volume"]


def test_an_image_that_is_not_there(project: Project, engine: KnownEngine) -> None:
    engine.tags.clear()
    with pytest.raises(UsageError, match="there is no image imgbuild/fit:latest") as error:
        prepared(project, engine)
    assert error.value.fix == "run `imgbuild build fit`"


def test_one_that_has_not_passed_is_used_and_told(project: Project, engine: KnownEngine) -> None:
    engine.tags = {"imgbuild/fit:unproven": "sha256:1"}
    made = prepared(project, engine)
    assert made.spec.image == "imgbuild/fit:unproven"
    assert "this image has not passed its tests; `imgbuild build fit` says why" in made.notes


def test_what_is_told(project: Project, engine: KnownEngine) -> None:
    engine.told = replace(INFO, remaps=True)
    wish = Wish(unset=("TOKEN",), ports=(Publish(80),), network="none")
    notes = prepared(project, engine, wish).notes
    assert notes[0].startswith("whether this image is what fit says now is not known: ")  # it has no lock
    assert notes[1:] == (
        "TOKEN is not set here, and so it is not set for the program",
        "this engine gives users other numbers: files in mounted directories will not be yours",
        "with --network none no port is published",
    )


def test_gpus_that_are_declared_and_not_there_are_told(project: Project, engine: KnownEngine) -> None:
    folder = project.root / "envs/fit"
    (folder / "image.yml").write_text('platforms: [linux/amd64]\ncuda: "13.0"\n')
    assert any(note.startswith("no GPUs: the engine gives none") for note in prepared(project, engine).notes)


def test_gpus_that_are_there_are_given(project: Project, engine: KnownEngine) -> None:
    made = spec(project, engine, gpus="0,1")
    assert made.gpus == GpuRequest("driver", ("0", "1"))
    assert "NVIDIA_VISIBLE_DEVICES" not in made.env
    engine.told = replace(INFO, devices=("nvidia.com/gpu=all",))
    assert spec(project, engine).gpus == GpuRequest("cdi")
    assert spec(project, engine, gpus="none").gpus is None
