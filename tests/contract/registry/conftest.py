"""The real engine, which fails where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builder.engine.connect import connect
from builder.engine.docker_sdk import DockerEngine


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    with connect() as engine:
        yield engine
