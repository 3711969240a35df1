"""Hold one measured number against what must be so. Every fault names what was expected and what came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from builder.gpu.gpus import find_gpu
from builder.gpu.target import cover, is_unified, target
from builder.lock.cuda.line import of_version
from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.spec.model import ImageSpec

PREFIX = "/opt/conda/envs"
Numbers = Mapping[str, "float | str"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a judge knows beside evidence and lock: the definition, and the tier (2: there was a GPU)."""

    spec: ImageSpec
    tier: int


def judge_interpreter(evidence: Evidence, lock: EnvironmentLock, _setting: Setting) -> list[str]:
    """The python on PATH is the environment's own, in the version that was locked."""
    numbers = evidence.numbers
    prefix = f"{PREFIX}/{lock.name}"
    wrong = (
        []
        if numbers.get("prefix") == prefix
        else [f"prefix: expected {prefix}, got {shown(numbers, 'prefix')}"]
    )
    return [*wrong, *version(numbers, "python", lock.python)]


def locked_version(lock: EnvironmentLock, names: tuple[str, ...]) -> str:
    """Version the lock holds under the first name it knows, wheels before conda packages; empty without."""
    held = {package.name: package.version for package in lock.conda}
    held.update({package.name: package.version for package in lock.pip})
    return next((held[name] for name in names if name in held), "")


def versions(numbers: Numbers, lock: EnvironmentLock, packages: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Each package that the lock holds is there in the locked version; by name, with the lock's names for it."""
    held = ((name, locked_version(lock, names)) for name, names in packages.items())
    return [fault for name, locked in held if locked for fault in version(numbers, name, locked)]


def version(numbers: Numbers, name: str, locked: str) -> list[str]:
    """The version under this name is the locked one, but for what stands behind a `+`: that says how it was built."""
    got = numbers.get(name)
    if locked and isinstance(got, str) and _same_version(got, locked):
        return []
    return [f"{name}: expected version {locked or 'in the lock'}, got {shown(numbers, name)}"]


def _same_version(one: str, other: str) -> bool:
    try:
        return Version(Version(one).public) == Version(Version(other).public)
    except InvalidVersion:
        return one == other


def near(numbers: Numbers, name: str, expected: float, tolerance: float) -> list[str]:
    """A number no further from the expected one than the tolerance."""
    got = numbers.get(name)
    if isinstance(got, float) and abs(got - expected) <= tolerance:
        return []
    within = f" within {tolerance:g}" if tolerance else ""
    return [f"{name}: expected {expected:g}{within}, got {shown(numbers, name)}"]


def between(numbers: Numbers, name: str, least: float, most: float, why: str = "") -> list[str]:
    """A number from least to most, both included."""
    got = numbers.get(name)
    if isinstance(got, float) and least <= got <= most:
        return []
    bounds = f"at least {least:g}" if most == float("inf") else f"{least:g} to {most:g}"
    return [f"{name}: expected {bounds}{f' ({why})' if why else ''}, got {shown(numbers, name)}"]


def is_text(numbers: Numbers, name: str, expected: str) -> list[str]:
    """A text, word for word."""
    return (
        [] if numbers.get(name) == expected else [f"{name}: expected {expected}, got {shown(numbers, name)}"]
    )


def falls(numbers: Numbers, first: str, last: str, factor: float) -> list[str]:
    """A loss that ends below `factor` of where it began."""
    begun = numbers.get(first)
    if not isinstance(begun, float):
        return [f"{first}: expected a loss, got {shown(numbers, first)}"]
    return between(numbers, last, 0, factor * begun, f"below {factor:g} of {first}, {begun:g}")


def gpus_as_given(numbers: Numbers, setting: Setting) -> list[str]:
    """GPUs are seen where some were given, and none where none were: a tier says what it says."""
    if setting.tier == 2:
        return between(numbers, "gpus", 1, float("inf"), "the container was given GPUs")
    return near(numbers, "gpus", 0, 0)


def cuda_line(numbers: Numbers, spec: ImageSpec) -> list[str]:
    """The CUDA line under `cuda` is the declared one: the same major, no newer minor."""
    declared = of_version(spec.cuda or "")
    got = of_version(str(numbers.get("cuda", "")))
    if declared is None or (got is not None and got.runs_on(declared)):
        return []
    return [f"cuda: expected the declared line {spec.cuda}, got {shown(numbers, 'cuda')}"]


def covered(numbers: Numbers, spec: ImageSpec) -> list[str]:
    """The list under `architectures` (`sm_75 compute_90`) has something for every declared GPU."""
    try:
        held = tuple(target(word) for word in str(numbers.get("architectures", "")).split())
    except ValueError as error:
        return [f"architectures: {error}"]
    line = of_version(str(numbers.get("cuda", "")))
    unified = line is not None and is_unified(str(line))
    gpus = [find_gpu(name) for name in spec.targets.gpus]
    bare = [gpu for gpu in gpus if cover(held, gpu.capability, unified=unified) == "none"]
    return [
        f"architectures: expected one that runs on {gpu.key} ({gpu.capability}), got {shown(numbers, 'architectures')}"
        for gpu in bare
    ]


def faults(checks: Iterable[list[str]]) -> list[str]:
    """All of them in one list."""
    return [fault for check in checks for fault in check]


def shown(numbers: Numbers, name: str) -> str:
    """A number as written, a text in quotes, `nothing` where the script left it out."""
    got = numbers.get(name)
    return "nothing" if got is None else f"{got!r}"
