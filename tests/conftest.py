"""Fixtures that are dear, made once per run: the engine, the workshop with its kit, an image built from it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from builder.engine.port import Engine
from tests.support.workshop import KIT_IMAGES, PREFIX, Workshop, project_at

# Who starts the tests in a shell's background ignores these; programs that tests start would inherit that.
for _signal in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, signal.default_int_handler if _signal is signal.SIGINT else signal.SIG_DFL)

# The same examples every time, and no clock, because a shared machine is slow now and then.
# HYPOTHESIS_SEARCH=1 looks further.
settings.register_profile("imgbuild", deadline=None, derandomize=not os.environ.get("HYPOTHESIS_SEARCH"))
settings.load_profile("imgbuild")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A project and its kit. IMGBUILD_TEST_KIT names a kit to use again while developing."""
    home = tmp_path_factory.mktemp("workshop")
    root = project_at(home / "project")
    ready = os.environ.get("IMGBUILD_TEST_KIT")
    made = Workshop(root, Path(ready) if ready else home / "kit", home / "cache")
    if not (made.kit / "kit.yml").exists():
        done = made.run("kit", "bootstrap", str(made.kit), *KIT_IMAGES)
        assert done.code == 0, done.err
    return made


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The real engine. What the run brought into it goes again at its end, and nothing else."""
    from builder.engine.connect import connect

    found = connect()
    before = {name for image in found.find_by_label({}) for name in (image.id, *image.tags)}
    yield found
    for image in found.find_by_label({}):
        ours = [
            tag for tag in image.tags if tag.startswith((f"{PREFIX}/", "imgbuild/pkg:", "imgbuild/base:"))
        ]
        untagged = [] if image.tags or "io.imgbuild.plan" not in image.labels else [image.id]
        for name in ours + untagged:
            if name not in before:
                found.remove(name)


@pytest.fixture(scope="session")
def hooked(workshop: Workshop, engine: object, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The image `doors`, built: two environments whose packages have activation scripts. Its kit is a copy."""
    from tests.support.hooked import NAME, hooked_kit, hooked_project

    home = tmp_path_factory.mktemp("hooked")
    root = hooked_project(home / "project")
    kit = hooked_kit(workshop.kit, home / "kit", root)
    made = Workshop(root, kit, workshop.cache)
    done = made.run("build", NAME, "--kit", str(kit), "--json")
    assert done.code == 0, done.err
    return made
