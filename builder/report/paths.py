"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path


def from_here(path: Path) -> str:
    """Relative where it lies below the working directory, else as it is."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
