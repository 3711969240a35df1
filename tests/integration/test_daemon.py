"""The engine dies in each phase: one sentence, exit code 4; the repeated command ends proven, and nothing is left."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.left import Look
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import Workshop

pytestmark = pytest.mark.engine

# What the command says when a phase has begun.
SIGNS = {"fetch": "fetch ", "import": "import ", "build": "Environment tiny", "smoke": "smoke "}


def test_the_daemon_is_killed_in_each_phase(workshop: Workshop, spare: SpareEngine) -> None:
    """Each repeated command gets one phase further, and the last one to the end."""
    env = {"DOCKER_HOST": spare.endpoint}
    words = ("build", "tiny", "--kit", str(workshop.kit))
    for phase, sign in SIGNS.items():
        process = workshop.start(*words, "-v", env=env)
        killed_at(process, sign, spare)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 4, (phase, err)
        assert err.count("\nerror: ") == 1, (phase, err)
        told = err.rpartition("\nerror: ")[2]
        assert told.startswith("the engine stopped answering while"), (phase, told)
        assert "to do: see whether it runs (`docker info`" in told, (phase, told)
        spare.start()
    done = workshop.run(*words, "--json", env=env)
    assert done.code == 0, done.err
    assert done.document["images"][0]["verdict"]["results"][0]["outcome"] == "passed"
    assert Look(spare.endpoint).leftovers() == []


def killed_at(process: subprocess.Popen[str], sign: str, spare: SpareEngine) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if sign in line and not line.startswith("DEBUG"):
            break
    spare.kill()
