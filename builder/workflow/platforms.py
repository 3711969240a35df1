"""Which platform an image is made for."""

from __future__ import annotations

import platform as machine
from typing import TYPE_CHECKING

from builder.errors import UsageError
from builder.spec.model import ImageSpec, Platform

if TYPE_CHECKING:
    from builder.engine.port import ImageInfo

_MACHINES: dict[str, Platform] = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}


def host_platform() -> Platform:
    """The platform of this machine, which images are made for unless told otherwise."""
    return _MACHINES.get(machine.machine().lower(), "linux/amd64")


def platform_of(image: ImageInfo) -> Platform:
    """What the image itself is for: it may have been built for another platform than the engine's own."""
    return "linux/arm64" if image.platform.startswith("linux/arm64") else "linux/amd64"


def platform_for(spec: ImageSpec, asked: Platform | None, default: Platform | None = None) -> Platform:
    """The platform to make this image for; UsageError when the definition does not declare it."""
    wanted = asked or default or host_platform()
    if wanted not in spec.platforms:
        raise UsageError(
            f"{spec.ref} is not declared for {wanted}",
            where=str(spec.folder / "image.yml"),
            fix=f"choose --platform {' or '.join(spec.platforms)}, or add it to platforms:",
        )
    return wanted
