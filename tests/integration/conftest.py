"""Every test here works on the real engine, and the run leaves it as it was."""

from __future__ import annotations

import pytest

from builder.engine.port import Engine


@pytest.fixture(scope="session", autouse=True)
def _leave_the_engine_as_it_was(engine: Engine) -> None:
    """Asks for the session's engine, whose end takes away what the run made."""
