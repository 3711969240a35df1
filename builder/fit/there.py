"""Will an image run on a machine? Each thing it needs beside what is there. Pure: both sides are values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from builder.errors import UsageError
from builder.fit.lines import lowest, reach
from builder.fit.needs import Needs
from builder.fit.requires import holds
from builder.gpu.drivers import Driver, driver, drives, last_branch, newest_line, paired
from builder.gpu.gpus import find_gpu
from builder.gpu.tables import Gpu, toolkits
from builder.gpu.target import Capability, capability, cover, is_unified
from builder.host.model import Host, HostGpu
from builder.values import Value

Fits: TypeAlias = Literal["yes", "no", "unknown"]
DRIVER_FIX = (
    "install NVIDIA driver {least} or newer on the host (not in the image); `imgbuild doctor` says how"
)
_AUDIT = "`imgbuild audit IMAGE --gpu NAME` reads it from its compiled files"


class Point(Value):
    """One need. what: platform, driver, GPU, ...; needs, has: for people; note: more to know; fix: what to do."""

    what: str
    needs: str
    has: str
    fits: Fits
    note: str = ""
    fix: str = ""


class Verdict(Value):
    """All needs. fits: `no` where one is not met, `unknown` where one is not known; neither is a yes."""

    fits: Fits
    points: tuple[Point, ...]

    @classmethod
    def of(cls, points: tuple[Point, ...]) -> Verdict:
        """The worst of them."""
        answers = {point.fits for point in points}
        worst: Fits = "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"
        return cls(fits=worst, points=points)


def judge(wanted: Needs, host: Host) -> tuple[Point, ...]:
    """Every need of an image that a machine's driver, GPUs and platform meet or not."""
    return tuple(_points(wanted, host))


def _points(wanted: Needs, host: Host) -> Iterator[Point]:
    yield _platform(wanted, host)
    if wanted.said == "cpu":
        yield Point(what="GPU", needs="none: the image is for the CPU", has=_gpus(host), fits="yes")
        return
    if wanted.said == "nothing":
        yield Point(
            what="GPU", needs="the image says nothing about GPUs", has=_gpus(host), fits="unknown", fix=_AUDIT
        )
        return
    for text in wanted.unread:
        yield Point(what="label", needs=text, has="", fits="unknown", note="cannot be understood", fix=_AUDIT)
    yield _driver(wanted, host)
    yield from _each_gpu(wanted, host)
    for name, text in wanted.requires.items():
        yield _requirement(name, text, host)


def _gpus(host: Host) -> str:
    return ", ".join(_counted(host.gpus)) or ("not said" if host.asked else "no NVIDIA GPU")


def _platform(wanted: Needs, host: Host) -> Point:
    has = host.platform or "not known"
    if not wanted.platform or not host.platform:
        return Point(what="platform", needs=wanted.platform or "not said", has=has, fits="unknown")
    fits: Fits = "yes" if wanted.platform == host.platform else "no"
    fix = "" if fits == "yes" else f"build or pull it for {host.platform} (--platform)"
    return Point(what="platform", needs=wanted.platform, has=has, fits=fits, fix=fix)


def _driver(wanted: Needs, host: Host) -> Point:
    told = wanted.said == "labels" or not wanted.requires  # else the requirement below is what counts
    least = wanted.driver or (lowest(wanted.line) if wanted.line and told else None)
    cuda = f" for CUDA {wanted.line}" if wanted.line else ""
    asks = f"{least} or newer{cuda}" if least else f"NVIDIA's driver{cuda}"
    if host.trouble or not host.driver:
        return _no_driver(asks, least, host)
    have = driver(host.driver)
    if least is None:
        fits: Fits = "yes" if wanted.requires else "unknown"
        return Point(what="driver", needs=asks, has=str(have), fits=fits, note=_wsl(host))
    if not have.reaches(least):
        return Point(what="driver", needs=asks, has=str(have), fits="no", fix=DRIVER_FIX.format(least=least))
    return Point(
        what="driver", needs=asks, has=str(have), fits="yes", note=_minor(wanted, have) or _wsl(host)
    )


def _no_driver(asks: str, least: Driver | None, host: Host) -> Point:
    if host.asked:
        return Point(what="driver", needs=asks, has="not said", fits="unknown", fix="say it with --driver")
    has = f"{host.driver or 'none'}{f': {host.trouble}' if host.trouble else ''}"
    fix = DRIVER_FIX.format(least=least or "for your GPU")
    if host.driver:
        fix = "see the reason, then restart the machine; `imgbuild doctor` says more"
    return Point(what="driver", needs=asks, has=has, fits="no", fix=fix)


def _minor(wanted: Needs, have: Driver) -> str:
    """What a driver below that of the line's own leaves out."""
    full = paired(str(wanted.line)) if wanted.line else None
    if full is None or have.reaches(full):
        return ""
    return (
        f"by minor-version compatibility: PTX of CUDA {wanted.line} is not compiled below {full}, "
        "and features of newer drivers are missing"
    )


def _wsl(host: Host) -> str:
    return "Windows' own driver, whose number is held against those of Linux" if host.wsl else ""


def _each_gpu(wanted: Needs, host: Host) -> Iterator[Point]:
    asks = _asks(wanted)
    if not host.gpus:
        if host.asked:
            yield Point(what="GPU", needs=asks, has="not said", fits="unknown", fix="say it with --gpu")
        else:
            yield Point(
                what="GPU", needs=asks, has="no NVIDIA GPU", fits="no", fix="run it on a machine with one"
            )
        return
    for name, count in _counted(host.gpus).items():
        gpu = next(one for one in host.gpus if one.name == name)
        yield _gpu(wanted, host, gpu, f"{count} x " if count > 1 else "", asks)


def _counted(gpus: tuple[HostGpu, ...]) -> dict[str, int]:
    names = [gpu.name for gpu in gpus]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _asks(wanted: Needs) -> str:
    if wanted.targets is None:
        return "a GPU; the image does not say of which kind"
    torch = f"torch {wanted.torch} for " if wanted.torch else ""
    return torch + " ".join(str(one) for one in wanted.targets)


def _gpu(wanted: Needs, host: Host, gpu: HostGpu, times: str, asks: str) -> Point:
    row = _row(gpu)
    exact = _capability(gpu, row)
    has = f"{times}{gpu.name}{f' ({exact})' if exact else ''}"
    if exact is None:
        fix = "name it as imgbuild knows it: --gpu NAME, or --gpu 9.0 for a compute capability"
        return Point(
            what="GPU",
            needs=asks,
            has=has,
            fits="unknown",
            note="its compute capability is not known",
            fix=fix,
        )
    if row is not None and host.driver and not drives(driver(host.driver), row):
        fix = f"driver branch {last_branch(row)} is the last one for {row.architecture}"
        return Point(
            what="GPU", needs=asks, has=has, fits="no", note="the driver no longer serves it", fix=fix
        )
    fits, note, fix = _covered(wanted, host, exact, row)
    return Point(what="GPU", needs=asks, has=has, fits=fits, note=note, fix=fix)


def _covered(wanted: Needs, host: Host, exact: Capability, row: Gpu | None) -> tuple[Fits, str, str]:
    line = str(wanted.line or "")
    if wanted.targets is None:
        if wanted.line and row is not None and reach(wanted.line, row) == "past":
            return (
                "no",
                f"CUDA {line} has nothing for {row.architecture}",
                "take an image of an older CUDA line",
            )
        return "unknown", "what the image is compiled for is not said", _AUDIT
    unified = bool(wanted.line and wanted.line.minor is not None and is_unified(line))
    found = cover(wanted.targets, exact, unified=unified)
    torch = f"torch {wanted.torch}" if wanted.torch else "it"
    if found == "runs":
        return "yes", "", ""
    if found == "none" and wanted.unread:
        return "unknown", "not all that the image says of its code can be understood", _AUDIT
    if found == "none":
        return (
            "no",
            f"{torch} has no code for {exact}",
            "take an image or a variant that is built for it (--for)",
        )
    return _jit(wanted, host, torch)


def _jit(wanted: Needs, host: Host, torch: str) -> tuple[Fits, str, str]:
    """PTX alone: the driver must know the line that made it."""
    note = f"{torch} has only PTX for it, which the driver compiles at first use (a slow first start)"
    full = paired(str(wanted.line)) if wanted.line else None
    if full is None or not host.driver:
        return "unknown", f"{note}; which driver that takes is not known", "try it there"
    if driver(host.driver).reaches(full):
        return "yes", note, ""
    return "no", f"{note}; that takes {full} or newer", DRIVER_FIX.format(least=full)


def _row(gpu: HostGpu) -> Gpu | None:
    """The table's row for what a driver prints; None for a name that it does not have."""
    return _found(gpu.name) or (_found(gpu.compute) if gpu.compute else None)


def _found(name: str) -> Gpu | None:
    try:
        return find_gpu(name)
    except UsageError:
        return None


def _capability(gpu: HostGpu, row: Gpu | None) -> Capability | None:
    if gpu.compute:
        return capability(gpu.compute)
    return row.capability if row is not None else None


def _requirement(name: str, text: str, host: Host) -> Point:
    have = _properties(host)
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    has = ", ".join(f"{key} {value}" for key, value in have.items()) or "nothing to hold it against"
    try:
        answer = holds(text, have)
    except ValueError as error:
        fix = "the container toolkit will not start it either; -e NVIDIA_DISABLE_REQUIRE=1 switches the check off"
        return Point(what=name, needs=shown, has=has, fits="no", note=str(error), fix=fix)
    if answer is None:
        return Point(
            what=name,
            needs=shown,
            has=has,
            fits="unknown",
            fix="start it there: the container toolkit checks it",
        )
    if answer:
        return Point(what=name, needs=shown, has=has, fits="yes")
    return Point(what=name, needs=shown, has=has, fits="no", note="the container toolkit would not start it",
                fix="a newer driver, or an image of an older CUDA line")  # fmt: skip


def _properties(host: Host) -> dict[str, str]:
    """What the container toolkit would ask the driver for. brand is NVML's word, which nothing else here tells."""
    found: dict[str, str] = {}
    if host.driver and not host.trouble:
        have = driver(host.driver)
        line = newest_line(have)
        newest = list(toolkits())[-1]
        if line is not None and not (
            line == newest and have.branch > driver(toolkits()[newest].driver).branch
        ):
            found["cuda"] = line  # of a driver newer than the table only the least is known
        found["driver"] = str(have)
    first = host.gpus[0] if host.gpus else None
    exact = _capability(first, _row(first)) if first else None
    return {**found, "arch": str(exact)} if exact else found
