from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.made_host import MadeHost


@pytest.fixture
def made(tmp_path: Path) -> MadeHost:
    """A machine with nothing of NVIDIA's."""
    host = MadeHost(tmp_path / "made")
    assert host.machine
    return host
