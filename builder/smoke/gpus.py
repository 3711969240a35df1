"""Which GPUs a proof can have: what the engine says, what was asked for, and whether a container starts with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from builder.engine.port import CDI_KIND, ContainerSpec, Engine, EngineInfo, GpuRequest, Limits
from builder.errors import BuildError, EngineError, UsageError
from builder.host.look import look

AUTO, NONE, ALL = "auto", "none", "all"
DEVICE = re.compile(r"[0-9]{1,3}(?::[0-9]{1,2})?|(?:GPU|MIG)-[0-9a-fA-F-]{8,60}")
LIMITS = Limits(memory=1 << 30, tmpfs=64 << 20, pids=64, seconds=120.0)
FIX = "see what is missing with `imgbuild doctor`, or leave it with --gpus none"


@dataclass(frozen=True, slots=True)
class Gpus:
    """request: for containers; None where there are none, and then why."""

    request: GpuRequest | None = None
    why: str = ""


NO_GPUS = Gpus(why="none was asked for")


def read_gpus(text: str) -> str:
    """Check what `--gpus` says: auto, none, all, or devices (`0,1`, a UUID). Raises UsageError."""
    if text in {AUTO, NONE, ALL} or all(DEVICE.fullmatch(word) for word in text.split(",")):
        return text
    raise UsageError(
        f"`{text}` names no GPUs",
        where="--gpus",
        fix="write auto, none, all, or devices such as 0,1 or GPU-...",
    )


def find_gpus(engine: Engine, image_id: str, asked: str = AUTO) -> Gpus:
    """The GPUs for the tests of this image.

    auto takes all there are, when the engine gives any and a container of the image starts with them. Raises
    EngineError where GPUs were asked for by name, or all of them, and no container starts with them.
    """
    if asked == NONE:
        return Gpus(why="--gpus none was asked for")
    info = engine.info()
    if asked == AUTO and not _promising(info):
        return Gpus(
            why="the engine gives none: no CDI device and no runtime of NVIDIA's, and this machine shows none"
        )
    devices = () if asked in {AUTO, ALL} else tuple(asked.split(","))
    way = GpuRequest("cdi" if _by_cdi(info) else "driver", devices)
    refused = _refused(engine, image_id, way)
    if not refused:
        return Gpus(way)
    if asked == AUTO:
        return Gpus(why=f"no container starts with them: {refused}")
    raise EngineError(f"no container starts with the GPUs of --gpus {asked}: {refused}", fix=FIX)


def _promising(info: EngineInfo) -> bool:
    """Is it worth a try? Docker finds NVIDIA's hook by itself, so what this machine has counts as well."""
    return _by_cdi(info) or "nvidia" in info.runtimes or (info.here and bool(look().gpus))


def _by_cdi(info: EngineInfo) -> bool:
    return any(name.startswith(f"{CDI_KIND}=") for name in info.devices)


def _refused(engine: Engine, image_id: str, request: GpuRequest) -> str:
    """Why no container of the image starts with these GPUs; empty when one does."""
    spec = ContainerSpec(
        image=image_id,
        argv=("true",),
        env={},
        uid=12345,
        limits=LIMITS,
        volume="/imgbuild/gpus",
        workdir="/tmp",  # noqa: S108  (inside the container)
        entrypoint=(),
    )
    try:
        with engine.container(replace(spec, gpus=request)) as container:
            run = container.run()
    except BuildError as error:
        return str(error)
    return "" if run.code == 0 else f"`true` ended with {run.code}"
