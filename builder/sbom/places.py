"""What people call the prefixes of an image."""

from __future__ import annotations

ROOT = "/opt/conda"


def place_of(prefix: str) -> str:
    """`regression` for /opt/conda/envs/regression, `base` for the prefix that has the environments, else the path."""
    above, _, name = prefix.rpartition("/")
    if above == f"{ROOT}/envs":
        return name
    return "base" if prefix == ROOT else prefix
