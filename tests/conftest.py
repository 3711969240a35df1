"""Fixtures that are dear, made once per run: the engine, the workshop with its kit, an image built from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workshop import KIT_IMAGES, PREFIX, Workshop, project_at


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
def engine() -> Iterator[object]:
    """The real engine. What the run brought into it goes again at its end."""
    from builder.engine.connect import connect

    found = connect()
    before = {tag for image in found.find_by_label({}) for tag in image.tags}
    yield found
    for image in found.find_by_label({}):
        for tag in image.tags:
            if tag not in before and tag.startswith((f"{PREFIX}/", "imgbuild/pkg:", "imgbuild/base:")):
                found.remove(tag)
