"""What a killed run has left in the engine: its containers with their volumes, its working names of images."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import docker
import docker.errors

from builder.engine.faults import translated
from builder.engine.owner import LABEL, is_gone

# `:building-PLAN-OWNER`, as builder.workflow.sweep writes it, and what a second build puts behind it.
_WORKING = re.compile(r":building-[0-9a-f]+-([0-9a-f]{12}\.[0-9]+\.[0-9]+)(?:-[a-z]+)?$")

log = logging.getLogger(__name__)


def sweep(api: docker.APIClient) -> tuple[str, ...]:
    """Remove what belongs to dead processes of this machine, and nothing else; returns what went, by name.

    Containers first: one that still runs holds its image. What cannot be removed now stays for the next time.
    """
    with translated("looking for what a killed run has left"):
        return (*_containers(api), *_names(api))


def _containers(api: docker.APIClient) -> Iterator[str]:
    for row in api.containers(all=True, filters={"label": ["io.imgbuild.kind=run", LABEL]}):
        if is_gone(str(row["Labels"].get(LABEL, ""))):
            name = str((row.get("Names") or [row["Id"]])[0]).lstrip("/")
            try:
                api.remove_container(row["Id"], v=True, force=True)
            except docker.errors.APIError as error:  # another run sweeps too, and was first
                log.debug("%s stays: %s", name, error)
            else:
                yield name


def _names(api: docker.APIClient) -> Iterator[str]:
    for row in api.images(filters={"label": ["io.imgbuild.plan"]}):
        for tag in row.get("RepoTags") or ():
            found = _WORKING.search(tag)
            if found and is_gone(found[1]):
                try:
                    api.remove_image(tag)
                except docker.errors.APIError as error:  # the user looks inside, or another run was first
                    log.debug("%s stays: %s", tag, error)
                else:
                    yield str(tag)
