"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(text: str | Path) -> Path:
    """The path, with `~` as the user's home. A user that nobody knows (`~nosuch/x`) stays as it is written, so that who
    looks for it says that it is not there; Path.expanduser raises RuntimeError."""
    return Path(os.path.expanduser(text))  # noqa: PTH111
