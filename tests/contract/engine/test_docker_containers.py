"""The sandbox on the real engine: limits, isolation, and that nothing is left behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest

from builder.engine import containers
from builder.engine.connect import connect
from builder.engine.docker_sdk import DockerEngine
from builder.engine.port import Limits, RunResult
from builder.errors import BuildError, EngineError
from builder.progress import silent
from tests.contract.engine.conftest import World, spec_of
from tests.support.engine_base import context_of
from tests.support.engine_proxy import EngineProxy

pytestmark = pytest.mark.engine
SOCKET = Path("/var/run/docker.sock")


@pytest.fixture
def api(docker_engine: DockerEngine) -> docker.APIClient:
    return docker_engine._api


def run(world: World, script: str, **changes: object) -> RunResult:
    with world.engine.container(spec_of(world.base.id, script, **changes)) as container:
        return container.run()


def limits(memory: int = 128 << 20, tmpfs: int = 16 << 20, pids: int = 32, seconds: float = 60) -> Limits:
    return Limits(memory=memory, tmpfs=tmpfs, pids=pids, seconds=seconds)


def test_it_runs_as_the_uid_with_group_0_and_no_rights(world_real: World) -> None:
    result = run(world_real, "id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status")
    words = result.output.split()
    assert words == ["4321", "0", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]


def test_it_has_no_network(world_real: World) -> None:
    lines = run(world_real, "cat /proc/net/dev").output.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"]


def test_its_root_is_read_only_and_tmp_is_not(world_real: World) -> None:
    script = "touch /x; touch /etc/x; echo 'echo ran' >/tmp/a; sh /tmp/a"
    result = run(world_real, script, uid=0)
    assert result.output.count("Read-only file system") == 2
    assert "ran" in result.output.splitlines()  # two streams, so its place among the others is not fixed


def test_tmp_is_executable_open_to_all_and_bounded(world_real: World) -> None:
    result = run(world_real, "grep ' /tmp ' /proc/mounts; ls -ld /tmp; head -c 20000000 /dev/zero >/tmp/big")
    mount, mode, full = result.output.splitlines()
    assert "noexec" not in mount
    assert "size=16384k" in mount
    assert mode.startswith("drwxrwxrwt")
    assert "No space left on device" in full


def test_a_root_that_is_asked_to_be_writable_is(world_real: World) -> None:
    assert run(world_real, "touch /x", read_only=False, uid=0).code == 0


def test_an_entrypoint_replaces_the_images_own(world_real: World) -> None:
    result = run(world_real, "", entrypoint=("/bin/sh", "-c", "echo mine"), argv=())
    assert result.output == "mine\n"


def test_too_much_memory_is_killed_and_said(world_real: World) -> None:
    result = run(world_real, "tail /dev/zero", limits=limits(memory=32 << 20))
    assert result.out_of_memory
    assert result.code == 137


def test_a_fork_bomb_stays_within_its_processes(world_real: World) -> None:
    script = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); sleep 60 & done; echo survived"
    result = run(world_real, script, limits=limits(pids=16))
    assert "Cannot fork" in result.output
    assert result.code != 0


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(world_real: World) -> None:
    script = "trap '' TERM INT; echo began; sleep 86400 & wait; sleep 86400"
    result = run(world_real, script, limits=limits(seconds=0.5))
    assert result.timed_out
    assert result.output == "began\n"


def test_huge_output_keeps_its_end_and_says_what_is_missing(world_real: World, api: docker.APIClient) -> None:
    size = 100_000_000
    spec = spec_of(world_real.base.id, f"yes line | head -c {size}; echo; echo the end")
    with world_real.engine.container(spec) as container:
        result = container.run()
        log = api.inspect_container(container.id)["HostConfig"]["LogConfig"]
    assert result.output.endswith("\nthe end\n")
    assert len(result.output) < (1 << 20) + 200
    left_out = size + len("\nthe end\n") - (1 << 20)
    assert result.output.startswith(f"[{left_out} bytes of output before this were left out]\n")
    assert log["Type"] == "none"


def test_stdout_and_stderr_come_together_and_clean(world_real: World) -> None:
    result = run(world_real, r"echo out; echo err >&2; printf '\033[1mbold\033[0m \377\n'")
    assert sorted(result.output.splitlines()) == ["bold \N{REPLACEMENT CHARACTER}", "err", "out"]


def test_files_are_roots_and_read_only_and_writable_ones_the_uids(world_real: World) -> None:
    script = (
        "ls -ln /proof /proof/in; touch /proof/in/b; touch /proof/out/ok; touch /proof/c; echo x >/proof/in/a"
    )
    with world_real.engine.container(spec_of(world_real.base.id, script)) as container:
        container.copy_in({"in/a": b"1"}, writable=["out"])
        text = container.run().output
        assert container.copy_out("out") == {"ok": b""}
        assert container.copy_out("in") == {"a": b"1"}
        assert container.copy_out("in/a") == {"a": b"1"}
    assert text.count("Permission denied") == 3
    assert "-r--r--r-- 1 0 0" in text
    assert "drwxr-xr-x 2 4321 0" in text


def test_only_regular_files_come_out(world_real: World) -> None:
    script = (
        "cd /proof/out; echo 1 >a; ln -s /etc/passwd link; ln -s /etc dir; mkfifo pipe; mkdir sub;"
        " echo 2 >sub/b; echo 3 >'new\nline'; ln a hard"
    )
    with world_real.engine.container(spec_of(world_real.base.id, script)) as container:
        container.copy_in({}, writable=["out"])
        assert container.run().code == 0
        found = container.copy_out("out")
    assert {"sub/b": b"2\n"}.items() <= found.items()
    assert len(found) == 2  # of a and hard, the second is a link to the first
    assert set(found) - {"sub/b"} <= {"a", "hard"}


def test_a_path_is_told_by_its_kind_and_no_link_is_followed(world_real: World) -> None:
    script = "cd /proof/out; ln -s /etc/passwd link; ln -s . here; mkfifo pipe; mkdir sub; echo 1 >file"
    with world_real.engine.container(spec_of(world_real.base.id, script)) as box:
        box.copy_in({}, writable=["out"])
        assert box.run().code == 0
        kinds = {name: box.kind(f"out/{name}") for name in ("link", "here", "pipe", "sub", "file", "none")}
    assert kinds == {
        "link": "a symbolic link",
        "here": "a symbolic link",
        "pipe": "a pipe",
        "sub": "a directory",
        "file": "a regular file",
        "none": "",
    }


def test_what_the_image_holds_where_the_volume_lies_is_not_in_it(world_real: World) -> None:
    page = f"FROM {world_real.base_tag}\nRUN mkdir -p /proof/out && touch /proof/out/old\n"
    tag = world_real.tag("planted")
    world_real.engine.build(
        context_of(page), tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent
    )
    with world_real.engine.container(spec_of(tag, "touch /proof/out/new")) as box:
        box.copy_in({}, writable=["out"])
        assert box.run().code == 0
        assert box.copy_out("out") == {"new": b""}


def test_a_volume_that_fills_without_end_is_stopped(world_real: World) -> None:
    script = "i=0; while :; do i=$((i+1)); head -c 4000000 /dev/zero >/proof/out/$i; done"
    with world_real.engine.container(spec_of(world_real.base.id, script)) as box:
        box.copy_in({}, writable=["out"])
        result = box.run()
    assert result.spilled
    assert (result.code, result.timed_out) == (None, False)


def test_a_full_house_is_told_when_its_time_is_over(world_real: World) -> None:
    script = "for i in 1 2 3 4 5 6 7; do sleep 60 & done; exec sleep 60"
    full = run(world_real, script, limits=limits(pids=8, seconds=1))
    assert (full.timed_out, full.crowded) == (True, True)
    assert not run(world_real, "sleep 60", limits=limits(pids=8, seconds=0.5)).crowded


def test_over_64_mib_do_not_come_out(world_real: World) -> None:
    with world_real.engine.container(
        spec_of(world_real.base.id, "head -c 70000000 /dev/zero >/proof/out/big")
    ) as box:
        box.copy_in({}, writable=["out"])
        assert box.run().code == 0
        with pytest.raises(BuildError, match="over 64 MiB"):
            box.copy_out("out")


def test_a_program_that_is_not_there_is_a_build_error(world_real: World) -> None:
    with pytest.raises(BuildError, match="/nosuch"):
        run(world_real, "", argv=("/nosuch",))


def _volume(api: docker.APIClient, container_id: str) -> str:
    mounts = api.inspect_container(container_id)["Mounts"]
    return next(str(mount["Name"]) for mount in mounts if mount["Type"] == "volume")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, None])
@pytest.mark.parametrize("started", [False, True])
def test_container_and_volume_are_removed(
    world_real: World, api: docker.APIClient, kind: type[BaseException] | None, started: bool
) -> None:
    seen: list[str] = []

    def work() -> None:
        with world_real.engine.container(spec_of(world_real.base.id, "sleep 86400")) as container:
            seen.extend((container.id, _volume(api, container.id)))
            if started:
                api.start(container.id)
            if kind is not None:
                raise kind

    if kind is None:
        work()
    else:
        with pytest.raises(kind):
            work()
    with pytest.raises(docker.errors.NotFound):
        api.inspect_container(seen[0])
    with pytest.raises(docker.errors.NotFound):
        api.inspect_volume(seen[1])


def test_an_interrupt_while_waiting_removes_the_container(
    world_real: World, api: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def wait(container_id: str, **_: Any) -> None:
        seen.append(container_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        run(world_real, "sleep 86400")
    with pytest.raises(docker.errors.NotFound):
        api.inspect_container(seen[0])


def test_an_interrupt_between_creation_and_its_answer_leaves_no_container(
    world_real: World, api: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, seen = api.create_container, []

    def interrupted(**options: Any) -> None:
        seen.append(create(**options)["Id"])
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "create_container", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(world_real, "echo hello")
    with pytest.raises(docker.errors.NotFound):
        api.inspect_container(seen[0])


def test_a_run_can_be_told_from_other_containers(world_real: World, api: docker.APIClient) -> None:
    with world_real.engine.container(spec_of(world_real.base.id, "echo hello")) as container:
        labels = api.inspect_container(container.id)["Config"]["Labels"]
    assert containers.KIND.items() <= labels.items()


@pytest.fixture
def leftovers(api: docker.APIClient) -> Iterator[list[str]]:
    """Containers that a dead connection cannot remove: the test does."""
    names: list[str] = []
    yield names
    for name in names:
        api.remove_container(name, v=True, force=True)


# docker-py drops a socket that could not connect without closing it.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_daemon_that_dies_while_running_is_an_engine_error(
    world_real: World, tmp_path: Path, leftovers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with EngineProxy(tmp_path / "d.sock", SOCKET) as proxy, connect(f"unix://{proxy.path}") as engine:
        start = engine._api.start

        def dies(container_id: str) -> None:
            start(container_id)
            leftovers.append(container_id)
            proxy.cut()

        monkeypatch.setattr(engine._api, "start", dies)
        with (
            pytest.raises(EngineError, match="stopped answering"),
            engine.container(spec_of(world_real.base.id, "sleep 86400")) as container,
        ):
            container.run()
    gc.collect()


def test_disk_and_data_root_are_this_machines(world_real: World) -> None:
    root = world_real.engine.data_root()
    free = world_real.engine.disk_free()
    assert (root is None) == (free is None)
    assert free is None or free > 0
