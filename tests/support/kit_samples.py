"""A project with committed locks whose files are in the store, and an engine that can pull its base: for kits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.engine.port import ImageInfo
from builder.lock.files import write_lock
from builder.lock.model import EnvironmentLock, LockedFile, LockSet
from builder.progress import Event
from builder.spec.load import load_image
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.store.cache import Store
from builder.store.kit import Kit
from builder.workflow.kits import Options, create_kit
from tests.support.engine_base import tar_of
from tests.support.fake_engine import FakeEngine
from tests.support.lock_samples import INSTALLER, UV, environment_lock, lock_set

REF = "docker.io/library/debian:bookworm-slim"
BASES = f"""\
debian-bookworm:
  ref: {REF}
  family: debian
  suite: bookworm
  glibc: '2.36'
  platforms: [linux/amd64, linux/arm64]
"""
IMAGE = "base: debian-bookworm\ninstaller: miniconda=26.5.3-1\nplatforms: [linux/amd64, linux/arm64]\n"
GPU = "cuda: '13.0'\nvariants:\n  old: {environment: environment.old.yml}\n"


@dataclass
class Site:
    """What the samples made. fetched: the bytes of every file by sha256."""

    project: Project
    engine: FakeEngine
    image: ImageInfo
    store: Store
    told: list[Event]

    def create(self, directory: Path, *refs: str, **options: object) -> Kit:
        """`kit create`."""
        wanted = Options(**options)  # type: ignore[arg-type]
        return create_kit(self.project, refs, directory, wanted, lambda: self.engine, self.told.append)

    def lock(self, ref: str, platform: Platform = "linux/amd64", **changes: object) -> LockSet:
        """Commit a lock of this image; what its files hold goes into the store."""
        spec = load_image(self.project, ref)
        environments = tuple(_small(environment_lock(one, spec, platform)) for one in spec.environments)
        installer = INSTALLER.model_copy(update={"given": True})
        base = lock_set(spec).base.model_copy(update={"ref": f"{REF}@{self.image.id}"})
        values = {"environments": environments, "installer": installer, "base": base, **changes}
        lock = lock_set(spec, platform, **values)
        write_lock(lock, spec.folder, spec)
        for name, file in [("installer", lock.installer), ("uv", UV)]:
            self.keep(file, name.encode())
        for environment in lock.environments:
            for package in (*environment.conda, *environment.pip):
                self.keep(package, package.url.encode())
        return lock

    def keep(self, file: LockedFile, data: bytes) -> None:
        """A file in the store, as if it had been fetched."""
        path = self.store.path(file.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        if hashlib.sha256(data).hexdigest() == file.sha256:
            path.write_bytes(data)


def _small(environment: EnvironmentLock) -> EnvironmentLock:
    """The samples' hashes are those of their URLs: so are the bytes."""
    files = {
        "conda": tuple(one.model_copy(update={"size": len(one.url)}) for one in environment.conda),
        "pip": tuple(one.model_copy(update={"size": len(one.url)}) for one in environment.pip),
    }
    return environment.model_copy(update=files)


def site(root: Path, cache: Path) -> Site:
    """Two images, of which one has a variant and two environments, not yet locked."""
    envs = root / "envs"
    for name, more in (("regression", ""), ("gpu", f"{GPU}environments: [serve.yml]\n")):
        (envs / name).mkdir(parents=True)
        (envs / name / "environment.yml").write_text(_environment(name))
        (envs / name / "image.yml").write_text(IMAGE + more)
    (envs / "gpu" / "environment.old.yml").write_text(_environment("gpu", "3.10"))
    (envs / "gpu" / "serve.yml").write_text(_environment("serve"))
    (envs / "_bases.yml").write_text(BASES)
    engine = FakeEngine()
    image = engine.import_tar("flat:1", [tar_of({"a": b"1"})], labels={"lab": "yes"}, platform="linux/amd64")
    engine.remove("flat:1")
    engine.registry = {f"{REF}@{image.id}": image, REF: image}
    return Site(Project(root, envs), engine, image, Store(cache), [])


def _environment(name: str, python: str = "3.11") -> str:
    return f"name: {name}\nchannels: [forge]\ndependencies: [python={python}, {{pip: [tabulate]}}]\n"


def bytes_of(root: Path, apart: Iterable[str] = ()) -> dict[str, bytes]:
    """Every file below root."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in apart}
