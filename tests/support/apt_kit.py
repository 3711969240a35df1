"""A kit whose base gets packages from apt, made of the tests' kit, and a project with such images."""

from __future__ import annotations

import shutil
from pathlib import Path

from builder.lock.files import write_lock
from builder.lock.make import make_lock
from builder.progress import silent
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.bootstrap import debs
from builder.store.bootstrap.apt import machine_apt
from builder.store.bootstrap.writer import asked_for
from builder.store.kit import Kit
from builder.store.kitfile import LOCKS, Manifest, list_files, write_locked
from builder.workflow.os_packages import resolve_apt

ENVIRONMENT = "name: {}\nchannels: [conda-forge, nodefaults]\ndependencies: [python>=3.11]\n"
# file and make bring libraries; dbus brings an account, a service and debconf's questions.
IMAGES = {"tools": "apt: [file, make, dbus, bash]\n"}


def apt_project(root: Path) -> Path:
    """A project with the images."""
    for name, text in IMAGES.items():
        folder = root / "envs" / name
        folder.mkdir(parents=True)
        (folder / "environment.yml").write_text(ENVIRONMENT.format(name))
        (folder / "image.yml").write_text(text)
    shutil.copy(Path(__file__).parents[2] / "envs" / "_bases.yml", root / "envs" / "_bases.yml")
    return root


def apt_kit(kit: Path, directory: Path, root: Path, state: Path) -> Path:
    """A copy of a kit with the packages and locks of the project's images, as `kit bootstrap` adds them.

    state: a folder for apt's own files.
    """
    shutil.copytree(kit, directory)
    project = find_project(root)
    specs = [load_image(project, name) for name in IMAGES]
    before = Kit.open(directory).manifest
    apt = machine_apt(specs[0].base.suite, state)
    apt.update()
    resolve = debs.add(specs, before.platform, Kit.open(directory), apt, resolve_apt, silent)
    shutil.rmtree(directory / LOCKS)  # they are of another kit
    images = {spec.ref: asked_for(spec) for spec in specs}
    named = before.model_copy(update={"images": images, "files": list_files(directory)})

    def lock(blank: Manifest) -> None:
        opened = Kit(directory, blank)
        for spec in specs:
            folder = opened.lock_folder(spec)
            folder.mkdir(parents=True)
            write_lock(make_lock(spec, before.platform, opened, silent, resolve_apt=resolve), folder, spec)

    write_locked(directory, named, lock)
    return directory
