"""The two engines that one suite runs against. The real one fails where there is none, and never skips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from builder.engine.connect import connect
from builder.engine.docker_sdk import DockerEngine
from builder.engine.port import ContainerSpec, Engine, ImageInfo, Limits, RunResult
from tests.support.engine_base import LABEL, base_tar, unique
from tests.support.fake_engine import FakeContainer, FakeEngine, Ran


@dataclass
class World:
    """An engine with a base image in it, and the tags to remove afterwards."""

    engine: Engine
    base: ImageInfo
    tags: list[str] = field(default_factory=list)

    @property
    def base_tag(self) -> str:
        return self.base.tags[0]

    def tag(self, name: str) -> str:
        """A fresh tag that is removed after the test."""
        self.tags.append(unique(name))
        return self.tags[-1]


def spec_of(image: str, script: str, **changes: object) -> ContainerSpec:
    """A sandboxed shell script."""
    limits = changes.pop("limits", Limits(memory=128 << 20, tmpfs=16 << 20, pids=32, seconds=60))
    values: dict[str, object] = {
        "image": image,
        "argv": ("/bin/sh", "-c", script),
        "env": {"HOME": "/tmp"},
        "uid": 4321,
        "limits": limits,
        "volume": "/proof",
        "workdir": "/tmp",
        **changes,
    }
    return ContainerSpec(**values)  # type: ignore[arg-type]


def _fake() -> FakeEngine:
    def on_run(line: str) -> Ran:
        return Ran(3, ("one", "why")) if "exit 3" in line else Ran()

    def on_container(container: FakeContainer) -> RunResult:
        script = container.spec.argv[-1]
        if "sleep" in script:
            return RunResult(None, "began\n", container.spec.limits.seconds, timed_out=True)
        if "result.json" in script:
            container.volume["out/result.json"] = container.volume["in/data.txt"]
        return RunResult(3 if "exit 3" in script else 0, "hello\n", 0.1)

    return FakeEngine(on_run=on_run, on_container=on_container)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    with connect() as engine:
        yield engine


@pytest.fixture(scope="session")
def docker_base(docker_engine: DockerEngine) -> Iterator[ImageInfo]:
    tag = unique("base")
    yield docker_engine.import_tar(tag, [base_tar()], labels={LABEL: "base"}, platform="linux/amd64")
    docker_engine.remove(tag)


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.engine)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Both engines, one after the other."""
    if request.param == "docker":
        engine: Engine = request.getfixturevalue("docker_engine")
        base = request.getfixturevalue("docker_base")
    else:
        engine = _fake()
        base = engine.import_tar(unique("base"), [base_tar()], labels={}, platform="linux/amd64")
    made = World(engine, base)
    yield made
    for tag in made.tags:
        engine.remove(tag)


@pytest.fixture
def world_real(docker_engine: DockerEngine, docker_base: ImageInfo) -> Iterator[World]:
    """The real engine alone, for what a fake cannot show."""
    made = World(docker_engine, docker_base)
    yield made
    for tag in made.tags:
        docker_engine.remove(tag)
