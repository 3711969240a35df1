"""GPUs on the real engine: what it is asked for, and what it says where it has none to give."""

from __future__ import annotations

from dataclasses import replace

import docker
import pytest

from builder.engine.docker_sdk import DockerEngine
from builder.engine.port import GpuRequest, Limits
from builder.errors import BuildError, EngineError
from builder.smoke.gpus import find_gpus
from tests.contract.engine.conftest import World, spec_of

pytestmark = pytest.mark.engine
LIMITS = Limits(memory=128 << 20, tmpfs=16 << 20, pids=32, seconds=60, shm=96 << 20)


@pytest.fixture
def api(docker_engine: DockerEngine) -> docker.APIClient:
    return docker_engine._api


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        (GpuRequest(), {"Count": -1, "Capabilities": [["gpu"]]}),
        (GpuRequest(devices=("0", "2")), {"DeviceIDs": ["0", "2"], "Capabilities": [["gpu"]]}),
        (
            GpuRequest("cdi"),
            {"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]},
        ),
        (
            GpuRequest("cdi", ("0",)),
            {"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]},
        ),
    ],
)
def test_the_engine_is_asked_and_its_refusal_is_told(
    world_real: World, api: docker.APIClient, asked: GpuRequest, request_: dict[str, object]
) -> None:
    spec = replace(spec_of(world_real.base.id, "true", limits=LIMITS), gpus=asked)
    with pytest.raises(BuildError, match="could not select device driver"):
        _run(world_real, api, spec, request_)
    assert not api.containers(
        all=True, filters={"label": "io.imgbuild.kind=run", "ancestor": world_real.base.id}
    )


def _run(world: World, api: docker.APIClient, spec: object, request_: dict[str, object]) -> None:
    with world.engine.container(spec) as container:  # type: ignore[arg-type]
        host = api.inspect_container(container.id)["HostConfig"]
        (said,) = host["DeviceRequests"]
        assert {name: value for name, value in said.items() if value} == request_
        limits = {one["Name"]: (one["Soft"], one["Hard"]) for one in host["Ulimits"]}
        assert (limits["memlock"], limits["stack"]) == ((-1, -1), (64 << 20, 64 << 20))
        container.run()


def test_shared_memory_is_what_was_asked_for(world_real: World) -> None:
    spec = spec_of(world_real.base.id, "grep /dev/shm /proc/mounts", limits=LIMITS)
    with world_real.engine.container(spec) as container:
        assert f"size={96 << 10}k" in container.run().output


def test_without_a_gpu_auto_finds_none_and_all_is_refused(world_real: World) -> None:
    found = find_gpus(world_real.engine, world_real.base.id)
    assert found.request is None
    assert found.why.startswith("the engine gives none")
    with pytest.raises(
        EngineError, match=r"no container starts with the GPUs of --gpus all: .*device driver"
    ) as error:
        find_gpus(world_real.engine, world_real.base.id, "all")
    assert "imgbuild doctor" in error.value.fix
