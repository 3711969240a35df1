"""Every test here works on the real engine, and the run leaves it as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.engine.port import Engine
from tests.support.held import Bench, make_bench
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import Workshop


@pytest.fixture(scope="session", autouse=True)
def _leave_the_engine_as_it_was(engine: Engine) -> None:
    """Asks for the session's engine, whose end takes away what the run made."""


@contextmanager
def _started() -> Iterator[SpareEngine]:
    with tempfile.TemporaryDirectory(prefix="spare-", ignore_cleanup_errors=True) as home:
        made = SpareEngine(Path(home))
        made.start()
        try:
            yield made
        finally:
            made.end()


@pytest.fixture
def spare() -> Iterator[SpareEngine]:
    """An engine of this test's own, which it may kill."""
    with _started() as made:
        yield made


@pytest.fixture(scope="module")
def empty() -> Iterator[SpareEngine]:
    """An engine of this module's own, which holds no packages at first: every file is needed."""
    with _started() as made:
        yield made


@pytest.fixture(scope="session")
def held(workshop: Workshop, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The image that `verify` is tried on."""
    return make_bench(workshop, engine, tmp_path_factory.mktemp("held"))
