"""The files of an image as one tar, its layers laid over each other, although nothing in it can run."""

from __future__ import annotations

from collections.abc import Iterator

import docker

from builder.engine import owner
from builder.engine.containers import KIND, created
from builder.engine.faults import translated
from builder.engine.port import ContainerSpec, Limits
from builder.engine.streams import exported

_PIECE = 1 << 20
_NOTHING = Limits(memory=0, tmpfs=0, pids=0, seconds=0)


def export(api: docker.APIClient, image: str) -> Iterator[bytes]:
    """From a container that is made for it, never started, and removed when the iterator ends or is closed."""
    creation = {
        "image": image,
        "command": ["-"],  # an image without a program of its own has to be given one
        "labels": {**KIND, owner.LABEL: owner.owner()},
        "host_config": api.create_host_config(network_mode="none"),
    }
    spec = ContainerSpec(
        image=image, argv=("-",), env={}, uid=0, limits=_NOTHING, volume="/", workdir="/", network="none"
    )
    doing = f"reading the files of {image}"
    with (
        created(api, "read", creation, spec) as container,
        exported(api, container.id, doing) as response,
        translated(doing),
    ):
        yield from response.iter_content(_PIECE)
