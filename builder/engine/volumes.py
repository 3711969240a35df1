"""The volumes that keep users' caches: what is in them, and taking one away."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import docker
import docker.errors

from builder.engine.attended import CACHE_VOLUME
from builder.engine.faults import translated

CACHE = {"io.imgbuild.kind": "cache"}

log = logging.getLogger(__name__)


def cache_volumes(api: docker.APIClient) -> Mapping[str, int]:
    """Those with our name and our label: bytes in each, 0 where the engine does not say. Others' are left out."""
    with translated("asking how large the volumes are"):
        rows = api.df().get("Volumes") or ()
    return {
        str(row["Name"]): max(0, int((row.get("UsageData") or {}).get("Size") or 0))
        for row in rows
        if str(row["Name"]).startswith(CACHE_VOLUME) and (row.get("Labels") or {}).items() >= CACHE.items()
    }


def remove_volume(api: docker.APIClient, name: str) -> None:
    """Remove one. Raises BuildError while a container has it."""
    with translated(f"removing the volume {name}"):
        try:
            api.remove_volume(name)
        except docker.errors.NotFound:
            log.debug("the volume %s is not there", name)
