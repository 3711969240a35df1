"""The data files that are YAML."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml

# The C reader, where PyYAML has it, is many times as fast, and every lock reads the tables.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_table(name: str) -> Any:
    """A file of this folder as plain data."""
    return load_yaml(resources.files("builder").joinpath("data").joinpath(name).read_text(encoding="utf-8"))


def load_yaml(text: str) -> Any:
    """YAML as plain data. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  (one of the two safe loaders)
