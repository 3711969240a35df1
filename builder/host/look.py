"""All of a machine at once."""

from __future__ import annotations

import platform as machine_type

from builder.host.driver import WSL_FOLDER, find_driver
from builder.host.machine import Machine
from builder.host.model import Host
from builder.host.toolkit import find_toolkit

_ARCHITECTURES = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}


def look(machine: Machine | None = None) -> Host:
    """What a machine has. Raises nothing: what cannot be asked or read stands in `looked` with its reason."""
    here = machine or Machine()
    found = find_driver(here)
    toolkit = find_toolkit(here)
    wsl = here.path(WSL_FOLDER).is_dir() or here.path("/dev/dxg").exists()
    if wsl:
        here.note(WSL_FOLDER, "Linux within Windows: the driver is Windows' own")
    return Host(
        platform=_ARCHITECTURES.get(machine_type.machine().lower(), f"linux/{machine_type.machine()}"),
        system=_system(here),
        driver=found.version,
        trouble=found.trouble,
        wsl=wsl,
        gpus=found.gpus,
        toolkit=toolkit,
        looked=tuple(here.looked),
    )


def _system(machine: Machine) -> tuple[str, ...]:
    """`ID` and `ID_LIKE` of /etc/os-release."""
    rows = (line.partition("=") for line in machine.text("/etc/os-release").splitlines())
    told = {key: value.strip("\"' ") for key, _, value in rows}
    return tuple(dict.fromkeys([*told.get("ID", "").split(), *told.get("ID_LIKE", "").split()]))
