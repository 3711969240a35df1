"""What to do about a GPU that nothing was compiled for, from the tables where they know."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from builder.audit.judge.coverage import Unit
from builder.audit.judge.loaded import Environment
from builder.audit.judge.words import titled
from builder.gpu.tables import Gpu, TorchBuild, torch_builds
from builder.gpu.target import capability
from builder.lock.cuda.line import of_version

_TORCH = frozenset({"torch", "pytorch", "libtorch"})
_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def no_kernel(name: str, gpus: Sequence[Gpu], environment: Environment, unit: Unit) -> str:
    """What to do about a package without code for these GPUs."""
    keys = ", ".join(gpu.key for gpu in gpus)
    leave = f"take {keys} out of targets:, or allow it with a reason"
    if name in _TORCH and environment.torch:
        return f"{_other_torch(environment, gpus)}, or {leave}"
    if unit.is_nvidias:
        return f"{_other_cuda(environment, gpus) or f'take an older release of {name}'}, or {leave}"
    architectures = ";".join(dict.fromkeys(gpu.compute for gpu in gpus))
    own = f"take a release of {name} that holds it, build it with TORCH_CUDA_ARCH_LIST={architectures}"
    moved = _other_cuda(environment, gpus)
    return f"{own}{f', {moved}' if moved else ''}, or {leave}"


def _other_cuda(environment: Environment, gpus: Sequence[Gpu]) -> str:
    """Where a GPU is not compiled for by the CUDA that is there, a line that does."""
    line = environment.line
    for gpu in gpus:
        last = of_version(gpu.last_cuda) if gpu.last_cuda else None
        if line and last and (line.major, line.minor or 0) > (last.major, last.minor or 0):
            return f"make a variant for CUDA {last.major} (the last for {gpu.title} is {gpu.last_cuda})"
        first = capability(gpu.first_cuda)
        if line and (line.major, line.minor or 0) < (first.major, first.minor):
            return f"make a variant for CUDA {gpu.first_cuda} or newer, the first for {gpu.title}"
    return ""


def _other_torch(environment: Environment, gpus: Sequence[Gpu]) -> str:
    """The build of torch that covers all of them: of the same release where there is one, else the newest."""
    platform = _MACHINES.get(next((one.machine for one in environment.files if one.machine in _MACHINES), ""))
    fitting = [
        build
        for build in torch_builds()
        if platform in (None, build.platform) and all(build.cover(gpu.capability) == "runs" for gpu in gpus)
    ]
    if not fitting:
        return "no build of torch that is known holds code for all of them"
    release = environment.torch.version.partition("+")[0] if environment.torch else ""
    same = [build for build in fitting if build.version == release]
    best = same[-1] if same else max(fitting, key=_age)
    where = "PyPI" if best.index == "pypi" else f"index {best.index}"
    return f"take torch {best.version} for CUDA {best.cuda} ({where}), which has code for {titled(gpus)}"


def _age(build: TorchBuild) -> tuple[Version, bool]:
    """The newest release; of its builds that of the package index, which needs no settings."""
    try:
        return Version(build.version), build.index == "pypi"
    except InvalidVersion:
        return Version("0"), False
