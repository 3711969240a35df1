"""What one test has for a secret is an ordinary word to the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builder.network import redact
from builder.network.credentials import credentials


@pytest.fixture(autouse=True)
def _forgets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redact, "_known", set())
    credentials.cache_clear()
    yield
    credentials.cache_clear()
