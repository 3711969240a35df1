"""A stand-in for conda, with conda's contract and without its solver and its network.

It is linked into the base prefix under the name `conda_standin` (the installer rewrites the imports)
and runs there with the standard library and zstandard alone. It fails where conda fails.
"""

from __future__ import annotations

from pathlib import Path

NAME = "imgbuild stand-in"


def conda_version() -> str:
    """The version of conda this stands in for, as the installer wrote it beside the package."""
    try:
        return (Path(__file__).parent / "VERSION").read_text("utf-8").strip()
    except FileNotFoundError:
        return "0.0.0"
