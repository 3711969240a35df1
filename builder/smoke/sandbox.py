"""The container a test runs in: no network, only /tmp and `out` writable, an unknown user."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from builder.engine.port import ContainerSpec, GpuRequest, Limits
from builder.plan import Plan
from builder.smoke.builtin import BUILTINS
from builder.smoke.evidence import RESULT
from builder.smoke.select import Case

VOLUME = "/imgbuild/smoke"
OUT = "out"
UID = 12345
# seconds is a ceiling above the tests' own timeouts: none by default
DEFAULT_LIMITS = Limits(memory=2 * 2**30, tmpfs=512 * 2**20, pids=256, seconds=math.inf)

# Without these, libraries write below a home that is not there or not theirs, and fail for that alone.
CACHES = {
    "CUDA_CACHE_PATH": "/tmp/.nv",  # noqa: S108  (paths inside the container)
    "CUPY_CACHE_DIR": "/tmp/cupy",  # noqa: S108
    "HF_HOME": "/tmp/huggingface",  # noqa: S108
    "JOBLIB_TEMP_FOLDER": "/tmp",  # noqa: S108
    "KERAS_HOME": "/tmp/keras",  # noqa: S108
    "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108
    "NUMBA_CACHE_DIR": "/tmp/numba",  # noqa: S108
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/torchinductor",  # noqa: S108
    "TORCH_EXTENSIONS_DIR": "/tmp/torch_extensions",  # noqa: S108
    "TORCH_HOME": "/tmp/torch",  # noqa: S108
    "TRITON_CACHE_DIR": "/tmp/triton",  # noqa: S108
    "XDG_CACHE_HOME": "/tmp/.cache",  # noqa: S108
    "XDG_CONFIG_HOME": "/tmp/.config",  # noqa: S108
    "XDG_DATA_HOME": "/tmp/.local/share",  # noqa: S108
}
ALWAYS = {
    "HOME": "/tmp",  # noqa: S108
    "TMPDIR": "/tmp",  # noqa: S108
    "USER": "smoke",
    "LOGNAME": "smoke",
    "IMGBUILD_RESULT": f"{VOLUME}/{OUT}/{RESULT}",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",  # so that the last lines of a killed test are seen
}


def sandbox(
    plan: Plan, case: Case, image_id: str, script: str, limits: Limits, gpus: GpuRequest | None = None
) -> ContainerSpec:
    """The container for one case. It goes through the image's own entrypoint, as users' commands do.

    gpus: those of a case of tier 2; in tier 1 there are none, whatever the image's variables ask for.
    """
    return ContainerSpec(
        image=image_id,
        argv=("python", f"{VOLUME}/{script}"),
        env=_environment(plan, case),
        uid=UID,
        limits=limits,
        volume=VOLUME,
        workdir="/tmp",  # noqa: S108
        gpus=gpus if case.tier == 2 else None,
    )


def limits_of(case: Case, given: Limits | None) -> Limits:
    """What a case may use: what was given, else what its test needs, else the default. Seconds: the lesser of the
    given and the test's own timeout."""
    builtin = BUILTINS.get(case.test.name) if case.test.script is None else None
    need = builtin.resources if builtin else None
    timeout = need.seconds if need else case.test.timeout
    if given is not None:
        return replace(given, seconds=min(given.seconds, timeout))
    if need is None:
        return replace(DEFAULT_LIMITS, seconds=timeout)
    return Limits(memory=need.memory, tmpfs=need.tmpfs, pids=need.pids, seconds=timeout, shm=need.shm)


def _environment(plan: Plan, case: Case) -> dict[str, str]:
    """The first environment is tested as the image's default; the others are chosen by name."""
    chosen = {} if case.lock.name == plan.lock.environments[0].name else {"IMGBUILD_ENV": case.lock.name}
    caches = {name: path for name, path in CACHES.items() if not _own_place(plan, name)}
    # An engine whose default runtime is NVIDIA's would hand out GPUs by the image's own variable.
    gpus = {} if case.tier == 2 else {"NVIDIA_VISIBLE_DEVICES": "void"}
    return {**caches, **ALWAYS, **chosen, **gpus}


def _own_place(plan: Plan, name: str) -> bool:
    """Does image.yml put this cache somewhere of its own? /cache is read-only here, as the whole root is."""
    value = plan.spec.env.get(name)
    return value is not None and not (value == "/cache" or value.startswith("/cache/"))


def find_script(plan: Plan, script: Path) -> Path:
    """An own script as given, or below the image's folder, or below a parent's it was inherited from."""
    folders = (plan.spec.folder, *(plan.spec.folder.parent / parent for parent in plan.spec.lineage))
    return next((folder / script for folder in folders if (folder / script).is_file()), folders[0] / script)
