from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from builder.errors import BuildError, UsageError
from builder.lock.model import LockedFile
from builder.plan import group_packages
from builder.render.context import context_tar, write_context
from builder.render.page import render
from builder.shipped import shipped_dir
from builder.store.group import PackageGroup
from tests.support.render_samples import sample

TEMPLATES = shipped_dir("dockerfiles")


def test_the_tar_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    spec, lock = sample("own-files", tmp_path)
    rendered = render(spec, lock, group_packages(lock), templates=TEMPLATES)
    stream = b"".join(context_tar(rendered))
    assert stream == b"".join(context_tar(rendered))
    assert len(stream) < 100_000
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        found = tar.getmembers()
        assert found[0].name == "Dockerfile"
        assert {(info.mtime, info.uid, info.gid) for info in found} == {(0, 0, 0)}
        files = {info.name: info.mode for info in found if info.isfile()}
        folders = {info.name for info in found if info.isdir()}
    assert set(files) == {"Dockerfile", *rendered.files}
    assert files["files/0/sub/run"] == 0o755
    assert {"files", "files/0", "files/0/sub", "lock", "lock/regression"} <= folders


def packages(tmp_path: Path) -> tuple[tuple[PackageGroup, ...], dict[str, Path]]:
    body = b"package"
    file = LockedFile(
        url="https://c.example.org/noarch/a-1-0.conda", sha256=hashlib.sha256(body).hexdigest(), size=7
    )
    (tmp_path / "a").write_bytes(body)
    return (PackageGroup(kind="conda", environment="regression", files=(file,)),), {
        file.sha256: tmp_path / "a"
    }


def test_a_written_context_holds_packages_and_page(tmp_path: Path) -> None:
    spec, lock = sample("minimal", tmp_path)
    rendered = render(spec, lock, group_packages(lock), templates=TEMPLATES, plain_mounts=True)
    groups, paths = packages(tmp_path)
    target = tmp_path / "out" / "context"
    write_context(rendered, groups, paths, target)
    assert (target / "Dockerfile").read_text() == rendered.dockerfile
    assert (target / "rootfs" / "imgbuild-entrypoint").stat().st_mode & 0o777 == 0o755
    folder = target / "packages" / groups[0].folder
    assert sorted(path.name for path in folder.iterdir()) == ["a-1-0.conda", "urls.txt"]
    (target / "stale").write_text("x")
    write_context(rendered, groups, paths, target)
    assert not (target / "stale").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["context"]


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    spec, lock = sample("minimal", tmp_path)
    rendered = render(spec, lock, group_packages(lock), templates=TEMPLATES, plain_mounts=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(UsageError, match="something else"):
        write_context(rendered, (), {}, tmp_path / "mine")
    assert (tmp_path / "mine" / "Dockerfile").read_text() == "FROM scratch\n"


def test_a_changed_package_leaves_nothing_half_made(tmp_path: Path) -> None:
    spec, lock = sample("minimal", tmp_path)
    rendered = render(spec, lock, group_packages(lock), templates=TEMPLATES, plain_mounts=True)
    groups, paths = packages(tmp_path)
    (tmp_path / "a").write_bytes(b"PACKAGE")
    with pytest.raises(BuildError):
        write_context(rendered, groups, paths, tmp_path / "out" / "context")
    assert list((tmp_path / "out").iterdir()) == []
