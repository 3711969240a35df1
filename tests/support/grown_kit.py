"""A kit of a test's own: a copy of the run's, with packages more, and the lock of one image that asks for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from builder.lock.files import write_lock
from builder.lock.make import make_lock
from builder.progress import silent
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.bootstrap import channel
from builder.store.bootstrap.writer import asked_for
from builder.store.kit import Kit
from builder.store.kitfile import LOCKS, Manifest, list_files, write_locked


def grown_kit(kit: Path, directory: Path, root: Path, name: str, packages: Callable[[Path], None]) -> Path:
    """Copy a kit into directory and lock the image `name` of the project at root. packages: adds to the channel."""
    shutil.copytree(kit, directory)
    packages(directory / "channel")
    channel.index(directory / "channel", "linux-64")
    spec = load_image(find_project(root), name)
    before = Kit.open(directory).manifest
    shutil.rmtree(directory / LOCKS)  # they are of another kit
    images = {spec.ref: asked_for(spec)}
    manifest = before.model_copy(update={"images": images, "files": list_files(directory)})

    def lock(blank: Manifest) -> None:
        opened = Kit(directory, blank)
        folder = opened.lock_folder(spec)
        folder.mkdir(parents=True)
        write_lock(make_lock(spec, blank.platform, opened, silent), folder, spec)

    write_locked(directory, manifest, lock)
    return directory
