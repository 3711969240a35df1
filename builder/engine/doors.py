"""Ways into an image besides the sandbox of the smoke tests: other users, no entrypoint, exec, a script on stdin."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
import docker.errors
import docker.types

from builder.engine import owner
from builder.engine.containers import KIND, SdkContainer, created
from builder.engine.faults import translated
from builder.engine.output import Tail
from builder.engine.port import ContainerSpec, DoorResult, DoorSpec, RunResult

log = logging.getLogger(__name__)


def enter(api: docker.APIClient, door: DoorSpec, files: Mapping[str, bytes], out: str) -> DoorResult:
    """Go through the door: copy files into the volume, start, take what is left below `out` there.

    The container is removed with its volume whatever happens.
    """
    with created(api, "door", _creation(api, door), _as_run(door)) as made:
        made.copy_in(files, writable=(out,))
        if door.inside is not None:
            ran = _executed(api, made, door)
        else:
            with _stdin(api, made.id, door):
                ran = made.run()
        return DoorResult(ran, made.copy_out(out))


def _as_run(door: DoorSpec) -> ContainerSpec:
    """The same for the container's own methods: whose files, which volume, how long."""
    return ContainerSpec(
        image=door.image,
        argv=door.argv,
        env=door.env,
        uid=door.owner,
        limits=door.limits,
        volume=door.volume,
        workdir=door.workdir,
    )


def _creation(api: docker.APIClient, door: DoorSpec) -> dict[str, Any]:
    options: dict[str, Any] = {
        "image": door.image,
        "command": list(door.argv),
        "environment": dict(door.env),
        "user": door.user or None,
        "working_dir": door.workdir or None,
        "labels": {**KIND, owner.LABEL: owner.owner()},
        "stdin_open": door.stdin is not None,
        # no proxy with its password, as docker-py would hand on from ~/.docker/config.json
        "healthcheck": docker.types.Healthcheck(test=["NONE"]),
        "use_config_proxy": False,
        "host_config": api.create_host_config(
            # anonymous, so removed with the container; nothing of the image lies in it
            mounts=[docker.types.Mount(target=door.volume, source=None, no_copy=True)],
            read_only=door.read_only,
            network_mode="none",
            tmpfs=dict(door.tmpfs),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=door.limits.memory,
            memswap_limit=door.limits.memory,
            pids_limit=door.limits.pids,
            log_config=docker.types.LogConfig(type="none"),
        ),
    }
    if door.entrypoint is not None:
        # An empty list would keep the image's own; one empty word is how the engine is told to drop it.
        options["entrypoint"] = list(door.entrypoint) or [""]
    return options


@contextmanager
def _stdin(api: docker.APIClient, container_id: str, door: DoorSpec) -> Iterator[None]:
    """Attached before the start, as the docker command does it. The script itself ends the shell that reads it."""
    if door.stdin is None:
        yield
        return
    with translated("writing to a container"):
        stream = api.attach_socket(container_id, params={"stdin": 1, "stream": 1})
        try:
            getattr(stream, "_sock", stream).sendall(door.stdin)
            yield
        finally:
            stream.close()


def _executed(api: docker.APIClient, made: SdkContainer, door: DoorSpec) -> RunResult:
    """Start the container, and the program inside it; the time limit ends both."""
    begun = time.monotonic()
    tail = Tail()
    late = threading.Event()

    def stop() -> None:
        late.set()
        try:
            api.kill(made.id)
        except docker.errors.APIError as error:
            log.debug("it ended just now: %s", str(error))

    with translated(f"running a program in a container of {door.image}"):
        api.start(made.id)
        watch = threading.Timer(door.limits.seconds, stop)
        watch.daemon = True
        watch.start()
        try:
            asked = api.exec_create(
                made.id,
                list(door.inside or ()),
                environment=dict(door.inside_env),
                workdir=door.inside_workdir or None,
                user=door.user,
            )
            for piece in api.exec_start(asked["Id"], stream=True):
                tail.add(piece)
            code = api.exec_inspect(asked["Id"])["ExitCode"]
        finally:
            watch.cancel()
    ended = None if late.is_set() else code
    return RunResult(ended, tail.text(), time.monotonic() - begun, timed_out=late.is_set())
