"""Builds on the real engine, for what a fake cannot show: isolation, cancelling, a daemon that dies."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder.engine.connect import connect
from builder.engine.port import Engine
from builder.errors import BuildError, EngineError
from builder.progress import Event, Observer, StepAdvanced, StepFinished, StepLogged, StepStarted, silent
from tests.contract.engine.conftest import World
from tests.support.engine_base import context_of, tar_of
from tests.support.engine_proxy import EngineProxy

pytestmark = pytest.mark.engine
SOCKET = Path("/var/run/docker.sock")


def build(engine: Engine, page: str, tag: str, observer: Observer = silent, network: str = "none") -> str:
    return engine.build(
        context_of(page),
        tag=tag,
        labels={},
        platform="linux/amd64",
        network=network,
        observer=observer,
        no_cache=True,
    )


def logged(world: World, command: str, network: str = "none") -> list[str]:
    events: list[Event] = []
    build(world.engine, f"FROM {world.base_tag}\nRUN {command}\n", world.tag("log"), events.append, network)
    return [event.line for event in events if isinstance(event, StepLogged)]


def _interfaces(lines: list[str]) -> set[str]:
    return {line.split(":")[0].strip() for line in lines if ":" in line}


def _command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended while we looked
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def _until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.02)
    return True


def test_a_build_has_no_network(world_real: World) -> None:
    assert _interfaces(logged(world_real, "cat /proc/net/dev")) == {"lo"}


def test_a_build_with_a_network_shows_that_the_test_above_can_fail(world_real: World) -> None:
    assert len(_interfaces(logged(world_real, "cat /proc/net/dev", network="default"))) > 1


def test_output_comes_in_whole_clean_lines(world_real: World) -> None:
    command = r"printf '10%%\r20%%\rdone\n\033[31mred\033[0m\n'; printf 'half '; printf '\377end'"
    assert logged(world_real, command) == ["done", "red", "half \N{REPLACEMENT CHARACTER}end"]


def test_mounts_below_a_tmpfs_leave_nothing_in_the_layer(world_real: World) -> None:
    """The page of every environment relies on this."""
    package = world_real.tag("pkg")
    data = tar_of({"x.conda": b"package"})
    world_real.engine.import_tar(package, [data], labels={}, platform="linux/amd64")
    mounts = (
        f"--mount=type=tmpfs,target=/mnt --mount=type=bind,from={package},target=/mnt/pkgs/0 "
        f"--mount=type=bind,source=Dockerfile,target=/mnt/lock/page"
    )
    page = f"FROM {world_real.base_tag}\n"
    page += (
        f"RUN {mounts} cat /mnt/pkgs/0/x.conda && grep -c FROM /mnt/lock/page && touch /mnt/pkgs/0/y /mnt/z\n"
    )
    page += f"RUN {mounts} ls /mnt /mnt/pkgs/0\nRUN ls -A /mnt\n"
    events: list[Event] = []
    build(world_real.engine, page, world_real.tag("mounts"), events.append)
    lines = [event.line for event in events if isinstance(event, StepLogged)]
    assert lines == ["package2", "/mnt:", "lock", "pkgs", "", "/mnt/pkgs/0:", "x.conda"]


def test_a_failed_step_is_told_by_its_last_thirty_lines(world_real: World) -> None:
    with pytest.raises(BuildError) as caught:
        logged(world_real, "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; done; exit 42")
    assert caught.value.detail.splitlines() == [f"line {number}" for number in range(71, 101)]
    assert "exit code 42" in caught.value.what


def test_a_dockerfile_error_is_told_in_the_engines_words(world_real: World) -> None:
    with pytest.raises(BuildError, match="unknown instruction: RUNN"):
        build(world_real.engine, f"FROM {world_real.base_tag}\nRUNN x\n", world_real.tag("bad"))


def test_the_second_build_comes_from_the_cache(world_real: World) -> None:
    page = f"FROM {world_real.base_tag}\nRUN echo {uuid.uuid4().hex}\n"
    events: list[Event] = []

    def build_once(observer: Observer) -> str:
        tag = world_real.tag("cache")
        return world_real.engine.build(
            context_of(page), tag=tag, labels={}, platform="linux/amd64", network="none", observer=observer
        )

    ids = [build_once(observer) for observer in (silent, events.append)]
    assert ids[0] == ids[1]
    titles = {event.key: event.title for event in events if isinstance(event, StepStarted)}
    cached = {titles[event.key] for event in events if isinstance(event, StepFinished) and event.cached}
    assert any("RUN echo" in title for title in cached)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_an_exception_while_building_kills_the_step(world_real: World, kind: type[BaseException]) -> None:
    mark = f"86400.{uuid.uuid4().int % 10**9}"
    events: list[Event] = []

    def observer(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepLogged) and event.line == "began":
            assert _until(lambda: any(mark in line for line in _command_lines()))
            raise kind

    tag = world_real.tag("cancel")
    page = f"FROM {world_real.base_tag}\nRUN echo began; sleep {mark}\n"
    with pytest.raises(kind):
        build(world_real.engine, page, tag, observer)
    assert _until(lambda: not any(mark in line for line in _command_lines()))
    assert world_real.engine.find(tag) is None
    opened = {event.key for event in events if isinstance(event, StepStarted)}
    assert opened == {event.key for event in events if isinstance(event, StepFinished)}


def test_of_two_equal_builds_the_cancelled_one_does_not_take_the_other_along(
    world_real: World, tmp_path: Path
) -> None:
    page = f"FROM {world_real.base_tag}\nRUN echo {uuid.uuid4().hex}; echo began; sleep 3\n"
    first_began, second_began = threading.Event(), threading.Event()

    class CancelledError(Exception):
        pass

    def first(event: Event) -> None:
        if isinstance(event, StepLogged) and event.line == "began":
            first_began.set()
            assert second_began.wait(30)
            raise CancelledError

    def second(event: Event) -> None:
        if isinstance(event, StepStarted) and "RUN" in event.title:
            second_began.set()

    tags = [world_real.tag("equal"), world_real.tag("equal")]

    def run(observer: Observer, tag: str) -> str:
        return world_real.engine.build(
            context_of(page), tag=tag, labels={}, platform="linux/amd64", network="none", observer=observer
        )

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(run, first, tags[0])
        assert first_began.wait(60)
        two = pool.submit(run, second, tags[1])
        with pytest.raises(CancelledError):
            one.result(60)
        assert two.result(60).startswith("sha256:")
    assert world_real.engine.find(tags[0]) is None


def test_a_daemon_that_dies_while_building_is_an_engine_error(world_real: World, tmp_path: Path) -> None:
    tag = world_real.tag("dead")
    with EngineProxy(tmp_path / "d.sock", SOCKET) as proxy, connect(f"unix://{proxy.path}") as engine:

        def observer(event: Event) -> None:
            if isinstance(event, StepLogged) and event.line == "began":
                proxy.cut()

        page = f"FROM {world_real.base_tag}\nRUN echo began; sleep 86400\n"
        with pytest.raises(EngineError, match=f"stopped answering while building {tag}") as caught:
            build(engine, page, tag, observer)
        assert "systemctl status docker" in caught.value.fix
    assert world_real.engine.find(tag) is None


def test_a_daemon_that_dies_while_importing_is_an_engine_error(world_real: World, tmp_path: Path) -> None:
    tag = world_real.tag("dead")
    with EngineProxy(tmp_path / "d.sock", SOCKET) as proxy, connect(f"unix://{proxy.path}") as engine:

        def blocks() -> Iterator[bytes]:
            data = tar_of({"a": b"x" * (8 << 20)})
            yield data[: 4 << 20]
            proxy.cut()
            yield data[4 << 20 :]

        with pytest.raises(EngineError, match=f"stopped answering while importing {tag}"):
            engine.import_tar(tag, blocks(), labels={}, platform="linux/amd64")
    assert world_real.engine.find(tag) is None


def test_an_import_is_streamed_in_bounded_memory(world_real: World) -> None:
    """256 MiB pass through, and never more than one block is alive."""
    import tarfile

    alive = 0
    most = 0

    class Block(bytes):
        def __new__(cls, size: int) -> Block:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return super().__new__(cls, size)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream() -> Iterator[bytes]:
        entry = tarfile.TarInfo("big")
        entry.size = 256 << 20
        yield entry.tobuf()
        for _ in range(256):
            yield Block(1 << 20)
        yield bytes(1024)

    image = world_real.engine.import_tar(world_real.tag("big"), stream(), labels={}, platform="linux/amd64")
    assert image.size == 256 << 20
    assert most <= 3


def test_a_pull_that_fails_says_why(world_real: World) -> None:
    events: list[Event] = []
    with pytest.raises(BuildError, match="pulling localhost:1/none"):
        world_real.engine.pull("localhost:1/none:x", "linux/amd64", events.append)
    assert [type(event) for event in events if not isinstance(event, StepAdvanced)] == [
        StepStarted,
        StepFinished,
    ]
