"""The real engine, which fails where there is none; and a home without logins, proxies and CAs of the developer's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.engine.connect import connect
from builder.engine.docker_sdk import DockerEngine
from tests.support.oci_registry import OciRegistry, oci_registry
from tests.support.pair import Machine, machines

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "DOCKER_CONFIG", "IMGBUILD_OFFLINE", "IMGBUILD_KIT")


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    with connect() as engine:
        yield engine


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HOME of this process, for what asks there by itself; and little patience."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMGBUILD_RETRIES", "1")
    monkeypatch.setenv("IMGBUILD_RETRY_PAUSE", "0.01")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def site() -> Iterator[OciRegistry]:
    """A registry that speaks OCI 1.1."""
    with oci_registry() as made:
        yield made


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Machine, Machine]:
    """The machines of amd64 and arm64, each with its image built."""
    made = machines(tmp_path)
    for one in made:
        one.build()
    return made
