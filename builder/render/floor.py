"""Will this base carry these packages? C library and architecture against what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.errors import UsageError
from builder.lock.model import CondaPackage, LockedInstaller, LockSet, PipPackage
from builder.spec.model import CONDA_SUBDIR, ImageSpec

Version = tuple[int, ...]
GLIBC = re.compile(r"__glibc\s.*?>=?\s*(\d+(?:\.\d+)+)")
MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")
OLD_MANYLINUX = {"manylinux2014": (2, 17), "manylinux2010": (2, 12), "manylinux1": (2, 5)}
MACHINE = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
MACHINES = re.compile(r"(x86_64|aarch64|i686|ppc64le|s390x|armv7l|riscv64)")
# Miniconda's installers refuse an older glibc since 24.11; Miniforge's are built on CentOS 7.
MINICONDA_FLOORS = (((24, 11), (2, 28)), ((0,), (2, 17)))


def check_base(spec: ImageSpec, lock: LockSet) -> None:
    """Raises UsageError when the base cannot run what the lock installs, with all reasons and the mend."""
    if lock.platform not in spec.base.platforms:
        known = ", ".join(spec.base.platforms)
        what = f"the base {spec.base.key} is not made for {lock.platform}, only for {known}"
        raise UsageError(what, where=spec.ref, fix="choose another base in image.yml, or another --platform")
    _check_machine(spec, lock)
    _check_glibc(spec, lock)


def _check_glibc(spec: ImageSpec, lock: LockSet) -> None:
    have = _version(lock.base.glibc)
    short = [(floor, who) for floor, who in _floors(lock) if floor > have]
    if not short:
        return
    highest = _text(max(floor for floor, _who in short))
    what = f"the base {lock.base.key} has glibc {lock.base.glibc}, and {highest} is needed"
    detail = "\n".join(f"{who} needs glibc {_text(floor)}" for floor, who in short)
    fix = f"choose a base with glibc {highest} or newer (base: in image.yml), or older packages"
    raise UsageError(f"{what} ({detail.splitlines()[0]})", where=spec.ref, fix=fix, detail=detail)


def _floors(lock: LockSet) -> Iterator[tuple[Version, str]]:
    yield _installer_floor(lock.installer), lock.installer.filename
    for environment in lock.environments:
        for package in environment.conda:
            yield from ((floor, package.filename) for floor in _conda_floors(package))
        for wheel in environment.pip:
            yield _wheel_floor(wheel), wheel.filename


def _installer_floor(installer: LockedInstaller) -> Version:
    if installer.stand_in or installer.kind != "miniconda":
        return (0,) if installer.stand_in else (2, 17)
    version = _version(installer.version)
    return next(floor for since, floor in MINICONDA_FLOORS if version >= since)


def _conda_floors(package: CondaPackage) -> list[Version]:
    return [_version(found[1]) for line in package.depends if (found := GLIBC.match(line))]


def _wheel_floor(wheel: PipPackage) -> Version:
    """The lowest that one of the wheel's tags promises; pure wheels promise everything."""
    tags = [(int(major), int(minor)) for major, minor in MANYLINUX.findall(wheel.filename)]
    tags += [floor for tag, floor in OLD_MANYLINUX.items() if f"{tag}_" in wheel.filename]
    return min(tags, default=(0,))


def _check_machine(spec: ImageSpec, lock: LockSet) -> None:
    subdir, machine = CONDA_SUBDIR[lock.platform], MACHINE[lock.platform]
    wrong = [
        package.filename
        for environment in lock.environments
        for package in environment.conda
        if package.subdir not in {subdir, "noarch"}
    ]
    binaries = [lock.installer.filename, *(w.filename for e in lock.environments for w in e.pip)]
    wrong += [name for name in binaries if (found := MACHINES.findall(name)) and machine not in found]
    if wrong:
        what = f"{wrong[0]} is not made for {lock.platform}"
        more = "\n".join(wrong) if len(wrong) > 1 else ""
        raise UsageError(
            what, where=spec.ref, fix=f"lock for this platform: imgbuild lock {spec.name}", detail=more
        )


def _version(text: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", text)) or (0,)


def _text(version: Version) -> str:
    return ".".join(str(part) for part in version)
