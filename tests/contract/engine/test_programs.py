"""Users' programs on the real engine: streams, names, accounts, what is refused, and that nothing is left."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from builder.engine.attended import Account, Mount, ProgramSpec
from builder.engine.docker_sdk import DockerEngine
from builder.engine.live_program import NotStartedError
from builder.engine.port import GpuRequest
from builder.errors import BuildError, EngineError
from tests.contract.engine.conftest import World

pytestmark = pytest.mark.engine


@pytest.fixture
def api(docker_engine: DockerEngine) -> docker.APIClient:
    return docker_engine._api


@pytest.fixture(autouse=True)
def _nothing_is_left(world_real: World, api: docker.APIClient) -> Iterator[None]:
    yield
    gc.collect()  # a connection that nobody closed would be a warning, and so an error
    assert not api.containers(all=True, filters={"ancestor": world_real.base.id, "label": "io.imgbuild.run"})


def spec_of(world: World, *argv: str, **changes: object) -> ProgramSpec:
    return replace(ProgramSpec(world.base.id, argv, network="none", stdin=False), **changes)  # type: ignore[arg-type]


def ran(engine: DockerEngine, spec: ProgramSpec, given: bytes = b"") -> tuple[int, bytes, bytes]:
    """The code, stdout and stderr of a program that reads what is given."""
    with engine.program(spec) as program:
        program.start()
        if spec.stdin:
            program.write(given)
            program.end_input()
        pieces = list(program.output())
        code = program.wait()
    out, err = (b"".join(data for name, data in pieces if name == stream) for stream in ("stdout", "stderr"))
    return code, out, err


def test_streams_are_kept_apart_and_stdin_has_an_end(world_real: World, docker_engine: DockerEngine) -> None:
    spec = spec_of(world_real, "/bin/sh", "-c", "cat; echo err >&2; exit 9", stdin=True)
    assert ran(docker_engine, spec, b"a\0\xff\n") == (9, b"a\0\xff\n", b"err\n")


def test_nothing_to_read_is_an_end_at_once(world_real: World, docker_engine: DockerEngine) -> None:
    assert ran(docker_engine, spec_of(world_real, "/bin/cat")) == (0, b"", b"")


def test_a_terminal_is_one_stream(world_real: World, docker_engine: DockerEngine) -> None:
    script = "test -t 0 && test -t 1 && echo out; echo err >&2"
    code, out, err = ran(docker_engine, spec_of(world_real, "/bin/sh", "-c", script, tty=True))
    assert (code, out, err) == (0, b"out\r\nerr\r\n", b"")


@pytest.mark.parametrize(("program", "code"), [("/bin/none", 127), ("/etc", 126)])
def test_a_program_that_cannot_start(
    world_real: World, docker_engine: DockerEngine, program: str, code: int
) -> None:
    with pytest.raises(NotStartedError) as error:
        ran(docker_engine, spec_of(world_real, program))
    assert error.value.program_code == code
    assert program in error.value.what


@pytest.mark.parametrize("way", ["driver", "cdi"])
def test_gpus_that_the_engine_does_not_have(world_real: World, docker_engine: DockerEngine, way: str) -> None:
    with pytest.raises(NotStartedError, match="could not select device driver") as error:
        ran(docker_engine, spec_of(world_real, "/bin/sh", "-c", ":", gpus=GpuRequest(way)))  # type: ignore[arg-type]
    assert error.value.program_code == 125


def test_a_directory_that_is_not_there(world_real: World, docker_engine: DockerEngine) -> None:
    """docker's own -v would make it, as root."""
    mount = Mount("bind", "/does/not/exist", "/x")
    with pytest.raises(BuildError, match="bind source path does not exist"):
        ran(docker_engine, spec_of(world_real, "/bin/sh", "-c", ":", mounts=(mount,)))


def test_another_containers_name_is_refused_and_that_one_stays(
    world_real: World, docker_engine: DockerEngine, api: docker.APIClient
) -> None:
    name = f"imgbuild-test-name-{os.getpid()}"
    made = api.create_container(world_real.base.id, ["/bin/sleep", "600"], name=name)
    try:
        with pytest.raises(BuildError, match="is already in use"):
            ran(docker_engine, spec_of(world_real, "/bin/sh", "-c", ":", name=name))
        assert api.inspect_container(name)["Id"] == made["Id"]
    finally:
        api.remove_container(made["Id"], force=True)


def test_files_of_another_user_belong_to_them(
    world_real: World, docker_engine: DockerEngine, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    spec = spec_of(
        world_real, "/bin/sh", "-c", "echo x > made; id -u; id -g; id -G", user="4321:4322", groups=("0",),
        mounts=(Mount("bind", str(tmp_path), "/mnt"),), workdir="/mnt",
    )  # fmt: skip
    code, out, err = ran(docker_engine, spec)
    assert (code, out.decode().split(), err) == (0, ["4321", "4322", "4322", "0"], b"")
    made = (tmp_path / "made").stat()
    assert (made.st_uid, made.st_gid) == (4321, 4322)


def test_the_caller_has_a_name(world_real: World, docker_engine: DockerEngine) -> None:
    tag = world_real.tag("accounts")
    from tests.support.engine_base import context_of

    page = f"FROM {world_real.base_tag}\nRUN echo root:x:0:0::/:/bin/sh > /etc/passwd; echo root:x:0: > /etc/group\n"
    docker_engine.build(
        context_of(page),
        tag=tag,
        labels={},
        platform="linux/amd64",
        network="none",
        observer=lambda _event: None,
    )
    account = Account("caller", 4321, 4322, "/home/app")
    spec = spec_of(
        world_real, "/bin/sh", "-c", "cat /etc/passwd /etc/group; ls -ln /etc/passwd", account=account
    )
    code, out, _ = ran(docker_engine, replace(spec, image=tag, user="4321:4322"))
    assert code == 0
    assert "caller:*:4321:4322::/home/app:/bin/bash\n" in out.decode()
    assert "caller:*:4322:\n" in out.decode()
    assert "-rw-r--r-- 1 0 0" in out.decode()


def test_without_tables_of_accounts_it_runs_as_well(world_real: World, docker_engine: DockerEngine) -> None:
    spec = spec_of(world_real, "/bin/id", "-u", user="4321", account=Account("caller", 4321, 4322, "/"))
    assert ran(docker_engine, spec) == (0, b"4321\n", b"")


def test_whatever_happens_it_goes(world_real: World, docker_engine: DockerEngine) -> None:
    def interrupted() -> None:
        with docker_engine.program(spec_of(world_real, "/bin/sleep", "600")) as program:
            program.start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with docker_engine.program(spec_of(world_real, "/bin/sleep", "600")):
        """Never started."""


def test_signals_and_sizes_after_the_end_say_nothing(world_real: World, docker_engine: DockerEngine) -> None:
    with docker_engine.program(spec_of(world_real, "/bin/sh", "-c", ":")) as program:
        program.start()
        assert program.wait() == 0
        program.signal("SIGTERM")
        program.resize(24, 80)
        with pytest.raises(OSError, match="closed"):
            program.write(b"x")


# docker-py drops a socket that could not connect without closing it.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_an_engine_that_goes_away_is_told(world_real: World, api: docker.APIClient, tmp_path: Path) -> None:
    from builder.engine.connect import connect
    from tests.support.engine_proxy import EngineProxy

    def cut_off() -> None:
        with engine.program(spec_of(world_real, "/bin/sleep", "3")) as program:
            program.start()
            proxy.cut()
            list(program.output())
            program.wait()

    with EngineProxy(tmp_path / "s", Path("/var/run/docker.sock")) as proxy:
        engine = connect(f"unix://{proxy.path}")
        with pytest.raises(EngineError, match="the engine stopped answering while"):
            cut_off()
        engine.close()
    for row in api.containers(filters={"ancestor": world_real.base.id, "label": "io.imgbuild.run"}):
        api.remove_container(row["Id"], force=True)  # what it could not take away itself
    gc.collect()
