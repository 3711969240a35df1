"""`sbom` of an image finds the lock that it was made from, whatever platform the image is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.progress import silent
from builder.workflow.sboms import Question, _made_from
from tests.support.pair import machines


def test_the_lock_is_that_of_the_images_own_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    for machine in machines(tmp_path):
        planned = _made_from(machine.project, machine.build(), Question(), silent)
        assert planned is not None, machine.platform
        assert planned.plan.lock.platform == machine.platform
