"""What the engine's own account of itself (`GET /info`) says of GPUs, registries and how it separates containers.

Source: moby:api/swagger.yaml, SystemInfo (Runtimes, DiscoveredDevices since API 1.50, RegistryConfig, SecurityOptions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def devices(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Devices that the engine found in CDI files, by their full names; older engines do not tell."""
    rows = document.get("DiscoveredDevices") or ()
    return tuple(str(row.get("ID")) for row in rows if row.get("Source") == "cdi")


def insecure(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Registries that the engine takes without a certificate that somebody vouches for, as hosts and networks."""
    config = document.get("RegistryConfig") or {}
    named = [
        name
        for name, row in (config.get("IndexConfigs") or {}).items()
        if not (row or {}).get("Secure", True)
    ]
    return (*sorted(named), *(config.get("InsecureRegistryCIDRs") or ()))


def security(document: Mapping[str, Any]) -> frozenset[str]:
    """How it separates containers: `rootless`, `userns`, `selinux`, `seccomp`, from `name=seccomp,profile=default`."""
    rows = (str(row).split(",")[0] for row in document.get("SecurityOptions") or ())
    return frozenset(row.removeprefix("name=") for row in rows)
