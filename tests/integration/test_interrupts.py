"""Ctrl-C and a dying engine, in every phase: nothing is left, and the repeated command ends proven."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.engine.port import Engine
from builder.progress import Event, StepStarted
from builder.spec.project import find_project
from tests.integration.test_faults import leftovers
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine

PHASES = ("fetch", "import", "build", "smoke")


def stop_at(phase: str, seen: list[str]) -> Callable[[Event], None]:
    """An observer that interrupts when the first step of a phase has begun."""

    def observe(event: Event) -> None:
        if isinstance(event, StepStarted):
            seen.append(event.phase)
            if event.phase == phase:
                raise KeyboardInterrupt

    return observe


def volumes() -> set[str]:
    return set(
        subprocess.run(
            ["docker", "volume", "ls", "-q"], capture_output=True, text=True, check=True
        ).stdout.split()
    )


@pytest.mark.parametrize("phase", PHASES)
def test_interrupt(
    phase: str, workshop: Workshop, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from builder.workflow.build import Options, build

    for key, value in workshop.environ({"IMGBUILD_CACHE": str(tmp_path / "cache")}).items():
        monkeypatch.setenv(key, value)
    forget_packages(engine)
    options = Options(kit=str(workshop.kit), prefix=PREFIX, force=True)
    project = find_project(workshop.root)
    before, seen = volumes(), list[str]()
    with pytest.raises(KeyboardInterrupt):
        build(project, "tiny", engine, options, stop_at(phase, seen))
    assert phase in seen
    assert leftovers() == []
    assert volumes() <= before
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    assert done.document["images"][0]["verdict"]["results"][0]["outcome"] == "passed"
    assert leftovers() == []


def forget_packages(engine: Engine) -> None:
    """Take the package images away, so that fetch and import have something to do."""
    for image in engine.find_by_label({"io.imgbuild.kind": "pkg"}):
        for tag in image.tags:
            engine.remove(tag)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_ends_the_command(number: signal.Signals, workshop: Workshop, engine: Engine) -> None:
    process = workshop.start("build", "tiny", "--kit", str(workshop.kit), "--force", "-v")
    assert process.stderr is not None
    for line in process.stderr:
        if "Environment tiny" in line:  # conda is at work in the engine now
            break
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in err
    assert leftovers() == []
