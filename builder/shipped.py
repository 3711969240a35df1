"""Where templates and shipped environments lie: at the top of a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from builder.errors import UsageError


def shipped_dir(name: Literal["envs", "dockerfiles"]) -> Path:
    """The directory that came with this imgbuild. Raises UsageError where the installation lacks it."""
    here = Path(__file__).resolve().parent
    for place in (here / "shipped" / name, here.parent / name):
        if place.is_dir():
            return place
    raise UsageError(f"this imgbuild lacks its {name}", where=str(here), fix="install it again")


def is_packaged(folder: Path) -> bool:
    """Whether a folder belongs to the installed package: nothing of a user's is ever written there."""
    return folder.resolve().is_relative_to(Path(__file__).resolve().parent)
