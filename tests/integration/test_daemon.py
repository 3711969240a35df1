"""The engine dies during a build: one sentence, exit code 4, and the repeated command ends proven."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.spare_engine import SpareEngine
from tests.support.workshop import Workshop

pytestmark = pytest.mark.engine


@pytest.fixture
def spare() -> Iterator[SpareEngine]:
    with tempfile.TemporaryDirectory(prefix="spare-", ignore_cleanup_errors=True) as home:
        made = SpareEngine(Path(home))
        made.start()
        try:
            yield made
        finally:
            made.stop()


def test_the_daemon_is_killed_during_a_build(workshop: Workshop, spare: SpareEngine) -> None:
    env = {"DOCKER_HOST": spare.endpoint}
    process = workshop.start("build", "tiny", "--kit", str(workshop.kit), "-v", env=env)
    assert process.stderr is not None
    for line in process.stderr:
        if "Environment tiny" in line:
            break
    spare.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    assert "engine" in err.lower()
    spare.start()
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json", env=env)
    assert done.code == 0, done.err
    assert done.document["images"][0]["verdict"]["results"][0]["outcome"] == "passed"
