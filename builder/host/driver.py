"""NVIDIA's driver and its GPUs: asked of nvidia-smi, else read where the kernel tells of them, else off the bus."""

from __future__ import annotations

import re
from typing import NamedTuple

from builder.host.machine import Machine
from builder.host.model import HostGpu

WSL_FOLDER = "/usr/lib/wsl/lib"
_FIELDS = (
    "name",
    "uuid",
    "driver_version",
    "compute_cap",
)  # the last one since R470 or so: older ones refuse it
_VERSION = re.compile(r"[1-9][0-9]{2}\.[0-9]{1,3}(?:\.[0-9]{1,3})?")
_NVIDIA = "0x10de"
_DISPLAY = "0x03"  # VGA 0x0300, 3D controllers 0x0302


class Found(NamedTuple):
    """version: of the driver. trouble: why it cannot be used. gpus: as far as anybody tells of them."""

    version: str = ""
    trouble: str = ""
    gpus: tuple[HostGpu, ...] = ()


def find_driver(machine: Machine) -> Found:
    """The driver and the GPUs of a machine; what went wrong on the way is said, and never raised."""
    asked = _smi(machine)
    if asked.gpus:
        return asked
    version = _kernel(machine)
    told = _proc_gpus(machine) if version else ()
    seen = told or _bus(machine)
    if version and not asked.trouble and not told and not seen:
        return Found(version, "the driver is loaded, and there is no GPU for it", ())
    return Found(version, asked.trouble if version or seen else "", seen)


def _smi(machine: Machine) -> Found:
    program = machine.find("nvidia-smi", f"{WSL_FOLDER}/nvidia-smi")
    if not program:
        machine.note("nvidia-smi", "not on PATH")
        return Found()
    printed, why = _queried(machine, program, _FIELDS)
    if "not a valid field" in why:
        printed, why = _queried(machine, program, _FIELDS[:-1])
    if not why:
        found = _rows(printed)
        if found is not None:
            names = ", ".join(gpu.name for gpu in found.gpus)
            machine.note("nvidia-smi", f"driver {found.version}: {names}")
            return found
        first = next((line.strip() for line in printed.splitlines() if line.strip()), "nothing")
        why = f"`nvidia-smi` printed what cannot be understood: {first[:120]!r}"
    machine.note("nvidia-smi", why)
    return Found(trouble=why)


def _queried(machine: Machine, program: str, fields: tuple[str, ...]) -> tuple[str, str]:
    return machine.run(program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader")


def _rows(printed: str) -> Found | None:
    """The rows of `--format=csv,noheader`; None where one of them is none."""
    gpus: list[HostGpu] = []
    version = ""
    for line in _told(printed):
        name, *rest = (part.strip() for part in line.split(", "))
        if len(rest) < 2 or not name or not _VERSION.fullmatch(rest[1]):
            return None
        compute = rest[2] if len(rest) > 2 and re.fullmatch(r"[0-9]{1,2}\.[0-9]", rest[2]) else ""
        uuid = rest[0] if rest[0].startswith(("GPU-", "MIG-")) else ""
        version = rest[1]
        gpus.append(HostGpu(name=name, compute=compute, uuid=uuid))
    return Found(version, "", tuple(gpus)) if gpus else None


def _told(printed: str) -> list[str]:
    """Its lines, without what it warns of between them (`WARNING: infoROM is corrupted at gpu 0000:3B:00.0`)."""
    lines = (line.strip() for line in printed.splitlines())
    return [line for line in lines if line and not line.upper().startswith("WARNING:")]


def _kernel(machine: Machine) -> str:
    """`NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build ...`, or the module's own."""
    for place in ("/proc/driver/nvidia/version", "/sys/module/nvidia/version"):
        text = machine.text(place)
        found = _VERSION.search(text.splitlines()[0]) if text.strip() else None
        if found is not None:
            machine.note(place, f"driver {found[0]}")
            return found[0]
        if text:
            machine.note(place, "holds no version")
    return ""


def _proc_gpus(machine: Machine) -> tuple[HostGpu, ...]:
    """What the driver tells of each GPU: `Model: NVIDIA A100`, `GPU UUID: GPU-...`."""
    folder = "/proc/driver/nvidia/gpus"
    gpus = []
    for bus in machine.names(folder):
        rows = (line.partition(":") for line in machine.text(f"{folder}/{bus}/information").splitlines())
        told = {key.strip(): value.strip() for key, _, value in rows}
        if told.get("Model"):
            gpus.append(HostGpu(name=told["Model"], uuid=told.get("GPU UUID", ""), bus=bus))
    if gpus:
        machine.note(folder, ", ".join(gpu.name for gpu in gpus))
    return tuple(gpus)


def _bus(machine: Machine) -> tuple[HostGpu, ...]:
    """GPUs that the bus knows, whether anything drives them or not."""
    folder = "/sys/bus/pci/devices"
    gpus = []
    for bus in machine.names(folder):
        place = f"{folder}/{bus}"
        if machine.text(f"{place}/vendor").strip() != _NVIDIA:
            continue
        if not machine.text(f"{place}/class").startswith(_DISPLAY):
            continue
        device = machine.text(f"{place}/device").strip().removeprefix("0x")
        link = machine.path(f"{place}/driver")
        driven = link.resolve().name if link.exists() else ""
        gpus.append(HostGpu(name=f"10de:{device}", bus=bus, driven=driven))
    machine.note(folder, f"{len(gpus)} display devices of NVIDIA" if gpus else "no display device of NVIDIA")
    return tuple(gpus)
