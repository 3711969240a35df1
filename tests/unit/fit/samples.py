"""Definitions and locks with targets, in one line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builder.lock.model import CondaPackage, EnvironmentLock, LockSet, PipPackage
from builder.spec.model import ImageSpec, Platform, Targets
from tests.support.lock_samples import (
    BASE,
    conda_environment,
    conda_package,
    image_spec,
    lock_set,
    pip_package,
)

# Real sets, as the index resolved them (python -m scripts.record_wheels).
REAL: dict[str, Any] = json.loads((Path(__file__).parents[1] / "lock/real_wheels.json").read_text())
CUDA_BASE = BASE.model_copy(
    update={
        "key": "cuda-noble",
        "ref": "docker.io/nvidia/cuda:13.0.1-base-ubuntu24.04",
        "family": "ubuntu",
        "suite": "noble",
    }
)


def tune(
    *pip: str,
    gpus: str = "",
    driver: str | None = None,
    conda: tuple[str, ...] = ("python=3.12",),
    **changes: object,
) -> ImageSpec:
    """A definition with pip lines; gpus is separated by blanks."""
    return image_spec(
        conda_environment("tune", conda=conda, pip=pip),
        targets=Targets(gpus=tuple(gpus.split()), driver=driver),
        **changes,
    )


def real(name: str) -> tuple[PipPackage, ...]:
    return tuple(
        pip_package(one["name"], one["version"], depends=tuple(one["depends"]))
        for one in REAL[name]["wheels"]
    )


def locked(
    spec: ImageSpec,
    *packages: CondaPackage | PipPackage,
    python: str = "3.12.4",
    platform: Platform = "linux/amd64",
) -> LockSet:
    conda = [one for one in packages if isinstance(one, CondaPackage)]
    environment = EnvironmentLock(
        name="tune",
        channels=(),
        conda=(conda_package("python", python), *conda),
        pip=tuple(one for one in packages if isinstance(one, PipPackage)),
        input_digest="",
    )
    return lock_set(spec, platform, environments=(environment,))
