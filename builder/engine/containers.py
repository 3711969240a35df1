"""Sandboxed runs: a container that is created, fed, started once, emptied and always removed."""

from __future__ import annotations

import logging
import posixpath
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import docker
import docker.errors
import docker.types
import requests

from builder.engine import owner
from builder.engine.archives import MOST, kind_of, over_limit, pack, unpack
from builder.engine.faults import gone, translated
from builder.engine.output import Reader
from builder.engine.port import CDI_KIND, ContainerSpec, GpuRequest, RunResult
from builder.engine.streams import archive, attach, stat_mode
from builder.errors import ImgbuildError

KIND = {"io.imgbuild.kind": "run"}
_SETTLE = 30.0  # seconds for a killed container to be gone, and for its last output to arrive
_LOOK = 2.0  # seconds between two looks at how much lies in the volume

log = logging.getLogger(__name__)


def container(api: docker.APIClient, spec: ContainerSpec) -> AbstractContextManager[SdkContainer]:
    """A created container of a sandboxed run, removed with its volume whatever happens."""
    return created(api, "run", _creation(api, spec), spec)


@contextmanager
def created(
    api: docker.APIClient, kind: str, creation: Mapping[str, Any], spec: ContainerSpec
) -> Iterator[SdkContainer]:
    """A container from what the engine is asked for, removed with its volume whatever happens.

    Its name is chosen here, so that one whose creation was interrupted after the engine began it is removed
    too.
    """
    name = f"imgbuild-{kind}-{uuid.uuid4().hex}"
    made: SdkContainer | None = None
    try:
        with translated(f"creating a container of {spec.image}"):
            answer = api.create_container(name=name, **creation)
        made = SdkContainer(api, str(answer["Id"]), spec)
        yield made
    except BaseException:
        # The first error is the one to tell; a second one here only says that the engine is gone as well.
        try:
            _discard(api, name, made)
        except ImgbuildError as error:
            log.warning("the container %s may be left: %s", name, str(error))
        raise
    _discard(api, name, made)


def _discard(api: docker.APIClient, name: str, made: SdkContainer | None) -> None:
    with translated(f"removing the container {name}"):
        try:
            api.remove_container(name, v=True, force=True)
        except docker.errors.NotFound:
            log.debug("%s was never made", name)
    if made is not None:
        made.close()


def _creation(api: docker.APIClient, spec: ContainerSpec) -> dict[str, Any]:
    """What the engine is asked for. Everything that could reach out of the sandbox is off."""
    options: dict[str, Any] = {
        "image": spec.image,
        "command": list(spec.argv),
        "environment": dict(spec.env),
        "user": f"{spec.uid}:0",  # any UID with group 0: what OpenShift does
        "working_dir": spec.workdir,
        "labels": {**KIND, owner.LABEL: owner.owner()},
        "host_config": _host_config(api, spec),
        # Nothing beside the program runs in there, and no proxy with its password is handed to it, as docker-py
        # would from the user's ~/.docker/config.json.
        "healthcheck": docker.types.Healthcheck(test=["NONE"]),
        "use_config_proxy": False,
    }
    if spec.entrypoint is not None:
        # An empty list would keep the image's own; one empty word is how the engine is told to drop it.
        options["entrypoint"] = list(spec.entrypoint) or [""]
    return options


def _host_config(api: docker.APIClient, spec: ContainerSpec) -> dict[str, Any]:
    limits = spec.limits
    largest = max(limits.tmpfs, 2 * MOST)
    return dict(
        api.create_host_config(
            read_only=spec.read_only,
            # Anonymous, so removed with the container; no_copy: what an image holds at that path must not lie in
            # it, least of all a result.
            mounts=[docker.types.Mount(target=spec.volume, source=None, no_copy=True)],
            network_mode=spec.network,
            tmpfs={"/tmp": f"exec,mode=1777,size={min(limits.tmpfs, limits.memory)}"},  # noqa: S108
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit=limits.memory,
            memswap_limit=limits.memory,  # the same: no swap on top
            pids_limit=limits.pids,
            nano_cpus=int(limits.cpus * 1e9) or None,
            shm_size=min(limits.shm, limits.memory),
            ulimits=[
                docker.types.Ulimit(name="core", soft=0, hard=0),
                # A file that grows without end stops here already: the volume lies on the engine's disk.
                docker.types.Ulimit(name="fsize", soft=largest, hard=largest),
                *(for_gpus() if spec.gpus else ()),
            ],
            log_config=docker.types.LogConfig(type="none"),
            device_requests=[device_request(spec.gpus)] if spec.gpus else None,
        )
    )


def for_gpus() -> list[docker.types.Ulimit]:
    """What NVIDIA's own images ask for: pinned memory without end, and stacks of 64 MiB."""
    pinned = docker.types.Ulimit(name="memlock", soft=-1, hard=-1)
    return [pinned, docker.types.Ulimit(name="stack", soft=64 << 20, hard=64 << 20)]


def device_request(asked: GpuRequest) -> docker.types.DeviceRequest:
    """A request by CDI has no count and no options; one with device ids has no count."""
    if asked.way == "cdi":
        names = [f"{CDI_KIND}={name}" for name in asked.devices or ("all",)]
        return docker.types.DeviceRequest(driver="cdi", device_ids=names)
    if asked.devices:
        return docker.types.DeviceRequest(device_ids=list(asked.devices), capabilities=[["gpu"]])
    return docker.types.DeviceRequest(count=-1, capabilities=[["gpu"]])


class SdkContainer:
    """The Container of the port."""

    def __init__(self, api: docker.APIClient, container_id: str, spec: ContainerSpec) -> None:
        self._api = api
        self._id = container_id
        self._spec = spec
        self._reader: Reader | None = None

    @property
    def id(self) -> str:
        """The engine's id."""
        return self._id

    def copy_in(self, files: Mapping[str, bytes], *, writable: Sequence[str] = ()) -> None:
        """Put files below the volume; raises ValueError for a path that leaves it."""
        data = pack(files, writable=writable, uid=self._spec.uid)
        with translated(f"copying files into a container of {self._spec.image}"):
            self._api.put_archive(self._id, self._spec.volume, data)

    def copy_out(self, path: str) -> Mapping[str, bytes]:
        """Regular files below `path` in the volume, by relative path; {} where there are none."""
        where = posixpath.normpath(posixpath.join(self._spec.volume, path))
        if not f"{where}/".startswith(f"{self._spec.volume.rstrip('/')}/"):
            raise ValueError(f"not a path below the volume: {path!r}")
        doing = f"copying {where} out of a container"
        response = archive(self._api, self._id, where, doing)
        if response is None:
            return {}
        with response, translated(doing):
            return unpack(response.iter_content(chunk_size=None), where)

    def kind(self, path: str) -> str:
        """What lies at `path` in the volume, in words; empty where nothing does. A link is not followed."""
        where = posixpath.normpath(posixpath.join(self._spec.volume, path))
        mode = stat_mode(self._api, self._id, where, f"looking at {where} in a container")
        return "" if mode is None else kind_of(mode)

    def run(self) -> RunResult:
        """Start it, wait within its limits, kill it when they are passed."""
        with translated(f"running {self._spec.image}"):
            # Attached before the start, so that not a byte is missed.
            reader = self._reader = Reader(attach(self._api, self._id, f"running {self._spec.image}"))
            began = time.monotonic()
            self._api.start(self._id)
            timed_out, spilled = self._watch(self._spec.limits.seconds)
            crowded = timed_out and self._crowded()
            if timed_out or spilled:
                self._kill()
            seconds = time.monotonic() - began
            state = self._api.inspect_container(self._id)["State"]
        return RunResult(
            code=None if timed_out or spilled else int(state["ExitCode"]),
            output=reader.text(_SETTLE),
            seconds=seconds,
            timed_out=timed_out,
            out_of_memory=bool(state.get("OOMKilled")),
            spilled=spilled,
            crowded=crowded,
        )

    def close(self) -> None:
        """Let the output's thread end: called when the container is gone."""
        if self._reader is not None:
            self._reader.join(_SETTLE)

    def _watch(self, seconds: float) -> tuple[bool, bool]:
        """Wait for the end. Whether its time was over before, and whether its volume was over full.

        Nothing else bounds the volume: it lies on the engine's disk, and drivers have no common way to limit one.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._wait(min(left, _LOOK)):
                return False, False
            if left > _LOOK and self._spilled():
                return False, True
        return True, False

    def _spilled(self) -> bool:
        doing = "looking at how much a container wrote"
        response = archive(self._api, self._id, self._spec.volume, doing)
        if response is None:
            return False
        with response, translated(doing):
            return over_limit(response.iter_content(chunk_size=None))

    def _crowded(self) -> bool:
        """Whether it has as many processes as it may have."""
        try:
            answer = self._api.stats(self._id, stream=False, one_shot=True)
        except docker.errors.APIError as error:
            log.debug("it ended just now: %s", str(error))
            return False
        return int((answer.get("pids_stats") or {}).get("current") or 0) >= self._spec.limits.pids

    def _wait(self, seconds: float) -> bool:
        """Whether it ended in time."""
        try:
            # The stubs want whole seconds; requests takes both.
            self._api.wait(self._id, timeout=max(seconds, 0.001))  # type: ignore[arg-type]
        except requests.exceptions.ReadTimeout:
            return False
        except requests.exceptions.ConnectionError as error:
            # A read timeout of a slow answer comes as this one; the engine gone looks the same until asked.
            self._api.ping()
            if "timed out" not in str(error).lower():
                raise gone("waiting for a container", error) from error
            return False
        return True

    def _kill(self) -> None:
        try:
            self._api.kill(self._id)
        except docker.errors.APIError as error:
            log.debug("it ended just now: %s", str(error))
        if not self._wait(_SETTLE):
            raise gone("killing a container that ran too long")
