"""NVIDIA's container toolkit: its programs, its version, the CDI files that it wrote.

Source: NVIDIA/cloud-native-docs:container-toolkit/cdi-support.md (August 2026) for the places of CDI files.
"""

from __future__ import annotations

import re

from builder.host.machine import Machine
from builder.host.model import CdiSpec, Toolkit

PROGRAMS = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-container-runtime-hook", "nvidia-container-cli")
CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_KIND = "nvidia.com/"
_VERSION = re.compile(r"version:? +v?([0-9]+\.[0-9]+\.[0-9]+\S*)")


def find_toolkit(machine: Machine) -> Toolkit:
    """What is there of it; a program that fails or hangs is noted, and never raised."""
    there = {name: path for name in PROGRAMS if (path := machine.find(name))}
    if not there:
        machine.note(", ".join(PROGRAMS[:2]), "not on PATH")
    version = next(filter(None, (_version(machine, name, path) for name, path in there.items())), "")
    specs = [spec for folder in CDI_FOLDERS for spec in _specs(machine, folder)]
    return Toolkit(version=version, programs=tuple(there), specs=tuple(specs))


def _version(machine: Machine, name: str, path: str) -> str:
    printed, why = machine.run(path, "--version")
    found = _VERSION.search(printed)
    machine.note(name, f"version {found[1]}" if found else why or "tells no version")
    return found[1] if found else ""


def _specs(machine: Machine, folder: str) -> list[CdiSpec]:
    found = []
    for name in machine.names(folder):
        if name.endswith((".yaml", ".yml", ".json")):
            path = f"{folder}/{name}"
            devices = _devices(machine, path)
            if devices:
                machine.note(path, ", ".join(devices))
                found.append(CdiSpec(path=path, devices=devices))
    return found


def _devices(machine: Machine, path: str) -> tuple[str, ...]:
    """Fully named devices of a file that is NVIDIA's; none where it is somebody else's, or cannot be read."""
    import yaml  # noqa: PLC0415  (few machines have such files)

    try:
        document = yaml.safe_load(machine.text(path))  # JSON is YAML
        kind = str(document["kind"])
        names = tuple(f"{kind}={row['name']}" for row in document["devices"])
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError):
        machine.note(path, "is no CDI file")
        return ()
    return names if kind.startswith(_KIND) else ()
