"""A project on disk from a table of texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from builder.spec.project import Project

MakeProject = Callable[[Mapping[str, str | bytes]], Project]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Write files below envs/ and return the project they make."""

    def make(files: Mapping[str, str | bytes]) -> Project:
        envs = tmp_path / "envs"
        envs.mkdir(exist_ok=True)
        for name, content in files.items():
            path = envs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Project(tmp_path, envs)

    return make
