"""Facts as data files, each row with its source, and the functions that look things up in them."""

from __future__ import annotations

BUILTIN_SMOKE: tuple[str, ...] = ("regression", "cuda", "lora", "tensorflow")
"""Smoke tests that imgbuild brings along; image.yml names them without a path."""
