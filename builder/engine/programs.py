"""Containers for users' programs over the Docker SDK: what the engine is asked for, and that they go again."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
import docker.types

from builder.engine import owner
from builder.engine.accounts import add_account
from builder.engine.attended import CACHE_VOLUME, Mount, ProgramSpec
from builder.engine.containers import KIND, device_request, for_gpus
from builder.engine.faults import translated
from builder.engine.live_program import SdkProgram, started, unless_over
from builder.engine.volumes import CACHE
from builder.errors import ImgbuildError

RUN = "io.imgbuild.run"
LEFT = {"io.imgbuild.kind": "left"}

log = logging.getLogger(__name__)


@contextmanager
def program(api: docker.APIClient, spec: ProgramSpec) -> Iterator[SdkProgram]:
    """A created container, removed with its anonymous volumes whatever happens.

    It is known by a label of its own: a name that the user chose may be another container's.
    """
    mark = uuid.uuid4().hex
    labels = {**KIND, owner.LABEL: owner.owner(), RUN: mark}
    made: SdkProgram | None = None
    try:
        made = SdkProgram(api, _created(api, spec, f"imgbuild-run-{mark}", labels, attended=True), spec)
        yield made
    except BaseException:
        # The first error is the one to tell; a second one here only says that the engine is gone as well.
        try:
            _discard(api, mark)
        except ImgbuildError as error:
            log.warning("the container imgbuild-run-%s may be left: %s", mark, str(error))
        raise
    finally:
        if made is not None:
            made.close()
    _discard(api, mark)


def leave(api: docker.APIClient, spec: ProgramSpec) -> str:
    """Start a program that nobody attends; its container's name. Nobody's end sweeps it away."""
    mark = uuid.uuid4().hex
    try:
        made = _created(api, spec, f"imgbuild-run-{mark}", {**LEFT, RUN: mark}, attended=False)
        with started(spec):
            api.start(made)
            return str(api.inspect_container(made)["Name"]).lstrip("/")
    except BaseException:
        _discard(api, mark)
        raise


def _created(
    api: docker.APIClient, spec: ProgramSpec, name: str, labels: Mapping[str, str], *, attended: bool
) -> str:
    with translated(f"creating a container of {spec.image}"):
        answer = api.create_container(
            name=spec.name or name,
            image=spec.image,
            command=list(spec.argv) or None,
            environment=dict(spec.env),
            user=spec.user or None,
            working_dir=spec.workdir or None,
            hostname=spec.hostname or None,
            labels=dict(labels),
            tty=spec.tty,
            stdin_open=spec.stdin and attended,
            detach=not attended,
            ports=[(one.port, one.protocol) for one in spec.ports],
            # the proxies of ~/.docker/config.json, as the docker command hands them on: the program has a network
            use_config_proxy=True,
            host_config=_host_config(api, spec, attended=attended),
        )
    for warning in answer.get("Warnings") or ():
        log.warning("the engine says: %s", warning)
    if spec.account is not None:
        add_account(api, str(answer["Id"]), spec.account)
    return str(answer["Id"])


def _host_config(api: docker.APIClient, spec: ProgramSpec, *, attended: bool) -> dict[str, Any]:
    ports: dict[int | str, Any] = {}
    for one in spec.ports:
        ports.setdefault(f"{one.port}/{one.protocol}", []).append((one.address, one.host_port))
    return dict(
        api.create_host_config(
            auto_remove=True,  # by the engine, when the program ends: also when nobody is here to see it
            mounts=[_mount(one) for one in spec.mounts],
            port_bindings=ports,
            network_mode=spec.network,
            group_add=list(spec.groups),
            shm_size=spec.shm,
            mem_limit=spec.memory,
            security_opt=["label=disable"] if spec.unlabelled else None,
            ulimits=for_gpus() if spec.gpus and spec.pinned else None,
            device_requests=[device_request(spec.gpus)] if spec.gpus else None,
            log_config=docker.types.LogConfig(type="none") if attended else None,
        )
    )


def _mount(one: Mount) -> docker.types.Mount:
    labels = CACHE if one.kind == "volume" and one.source.startswith(CACHE_VOLUME) else None
    return docker.types.Mount(
        target=one.target, source=one.source, type=one.kind, read_only=one.read_only, labels=labels
    )


def _discard(api: docker.APIClient, mark: str) -> None:
    with translated("removing a container"):
        for row in api.containers(all=True, filters={"label": f"{RUN}={mark}"}):
            unless_over(functools.partial(api.remove_container, row["Id"], v=True, force=True))
