"""Archives laid out as they will be installed, and damaged ones."""

from __future__ import annotations

import hashlib
import shutil
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from builder.audit.archives import read_archives
from builder.errors import BuildError
from builder.lock.model import CondaPackage, EnvironmentLock, LockedFile, LockSet, PipPackage
from builder.progress import silent
from builder.store.bootstrap.package import Entry, Head, write_package
from tests.support.lock_samples import conda_environment, image_spec, lock_set

SAMPLE = min(Path(sysconfig.get_path("platlib")).rglob("*.so"), key=lambda path: path.stat().st_size)
PREFIX = "/opt/conda/envs/demo"
SITE = f"{PREFIX}/lib/python3.11/site-packages"


def conda(path: Path, name: str) -> CondaPackage:
    data = path.read_bytes()
    return CondaPackage(
        url=f"https://conda.example.org/linux-64/{path.name}",
        sha256=hashlib.sha256(data).hexdigest(),
        name=name,
        version="3.11.2",
        build="0",
        subdir="linux-64",
        channel="https://conda.example.org",
        md5="0" * 32,
    )


def wheel(folder: Path) -> Path:
    path = folder / "demo-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("demo/_c.so", "demo-1.0.data/platlib/demo/_d.so", "demo-1.0.data/scripts/tool",
                     "demo-1.0.data/data/lib/libe.so"):  # fmt: skip
            archive.write(SAMPLE, name)
        archive.writestr("demo-1.0.dist-info/RECORD", "demo/_c.so,sha256=x,1\ndemo/_d.so,,\n")
    return path


def pip(path: Path) -> PipPackage:
    data = path.read_bytes()
    url = f"https://wheels.example.org/{path.name}"
    return PipPackage(url=url, sha256=hashlib.sha256(data).hexdigest(), name="demo", version="1.0")


def locked(*packages: LockedFile) -> LockSet:
    spec = image_spec(conda_environment("demo"))
    environment = EnvironmentLock(
        name="demo",
        channels=("https://conda.example.org",),
        conda=tuple(one for one in packages if isinstance(one, CondaPackage)),
        pip=tuple(one for one in packages if isinstance(one, PipPackage)),
        input_digest="0" * 64,
    )
    return lock_set(spec).model_copy(update={"environments": (environment,)})


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    entries = [
        Entry("bin/python3.11", SAMPLE, 0o755),
        Entry("lib/libx.so.1.0", SAMPLE),
        Entry("lib/libx.so.1", link="libx.so.1.0"),
    ]
    return write_package(tmp_path, Head("python", "3.11.2", "0", "linux-64"), entries)


def test_everything_lies_where_it_will_be_installed(tmp_path: Path, python: Path) -> None:
    noarch = write_package(
        tmp_path,
        Head("pure", "3.11.2", "0", "noarch", noarch="python"),
        [Entry("site-packages/pure/_p.so", SAMPLE)],
    )
    old = tmp_path / "old-3.11.2-0.tar.bz2"
    with tarfile.open(old, "w:bz2") as tar:
        tar.add(SAMPLE, "lib/libold.so")
    paths = {"python": python, "pure": noarch, "old": old}
    packages = [*(conda(path, name) for name, path in paths.items()), pip(wheel(tmp_path))]
    where = [*paths.values(), tmp_path / packages[-1].filename]
    found = read_archives(
        locked(*packages), {one.sha256: path for one, path in zip(packages, where, strict=True)}, silent
    )
    assert {one.path: one.package for one in found.files} == {
        f"{PREFIX}/bin/python3.11": "python 3.11.2",
        f"{PREFIX}/lib/libx.so.1.0": "python 3.11.2",
        f"{SITE}/pure/_p.so": "pure 3.11.2",
        f"{PREFIX}/lib/libold.so": "old 3.11.2",
        f"{SITE}/demo/_c.so": "demo 1.0",
        f"{SITE}/demo/_d.so": "demo 1.0",
        f"{PREFIX}/bin/tool": "",
        f"{PREFIX}/lib/libe.so": "",
    }
    assert found.links[f"{PREFIX}/lib/libx.so.1"] == f"{PREFIX}/lib/libx.so.1.0"
    assert found.prefixes == (PREFIX,)
    assert list((tmp_path / "cache/audit").glob("read-*")) == []


@pytest.mark.parametrize("kind", ["conda", "wheel", "tar.bz2"])
def test_a_damaged_archive_is_named(tmp_path: Path, python: Path, kind: str) -> None:
    path = {"conda": python, "wheel": wheel(tmp_path), "tar.bz2": tmp_path / "old-3.11.2-0.tar.bz2"}[kind]
    if kind == "tar.bz2":
        with tarfile.open(path, "w:bz2") as tar:
            tar.add(SAMPLE, "lib/libold.so")
    package = pip(path) if kind == "wheel" else conda(path, "python")
    shutil.copy(path, tmp_path / "spoiled")
    with (tmp_path / "spoiled").open("r+b") as file:
        file.seek(path.stat().st_size // 2 if kind != "conda" else path.stat().st_size // 3)
        file.write(b"\xff" * 64)
    with pytest.raises(BuildError, match="cannot be read") as caught:
        read_archives(locked(package), {package.sha256: tmp_path / "spoiled"}, silent)
    assert package.filename in caught.value.what
    assert list((tmp_path / "cache/audit").glob("read-*")) == []
