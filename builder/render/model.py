"""What rendering makes: a Dockerfile and the small files around it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file of the build context. mode is 0644 or 0755."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Rendered:
    """A Dockerfile and its context. files is by path below the context's top, sorted."""

    dockerfile: str
    files: Mapping[str, RenderedFile]
