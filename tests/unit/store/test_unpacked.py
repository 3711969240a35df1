"""How large packages are once installed, as far as their archives tell."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard

from builder.lock.model import LockedFile
from builder.store.cache import Store
from builder.store.unpacked import RATIOS, installed_size, told_size
from builder.store.upstream import Upstream
from tests.support.engine_base import tar_of
from tests.support.wheel_samples import write_wheel


def conda(
    path: Path, content: bytes, *, told: bool = True, paths: Mapping[str, int] | None = None, listed: str = ""
) -> Path:
    """A .conda whose one member is this, with its size in the frame or without, and with a list of paths or without."""
    rows = [{"_path": name, "size_in_bytes": size} for name, size in (paths or {}).items()]
    document = listed or json.dumps({"paths": rows})
    info = {"info/index.json": b"{}", **({"info/paths.json": document.encode()} if paths or listed else {})}
    squeeze = zstandard.ZstdCompressor(write_content_size=told)
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("metadata.json", "{}")
        outer.writestr("pkg-x-1-0.tar.zst", squeeze.compress(tar_of({"lib/x": content})))
        outer.writestr("info-x-1-0.tar.zst", zstandard.ZstdCompressor().compress(tar_of(info)))
    return path


def test_a_wheel_tells_its_files_and_modules_count_twice(tmp_path: Path) -> None:
    plain = told_size(write_wheel(tmp_path, files={"x/data.bin": b"\0" * 100_000}))
    more = told_size(write_wheel(tmp_path, files={"x/data.bin": b"\0" * 100_000, "x/code.py": b"#" * 5_000}))
    assert plain is not None
    assert more is not None
    assert 100_000 < plain < 102_000
    assert 10_000 <= more - plain < 10_200


def test_a_conda_package_tells_what_its_frame_says(tmp_path: Path) -> None:
    size = told_size(conda(tmp_path / "a.conda", b"\0" * 50_000))
    assert size is not None
    assert 50_000 < size < 65_000
    assert told_size(conda(tmp_path / "b.conda", b"\0" * 50_000, told=False)) is None


def test_a_conda_packages_list_of_paths_knows_better(tmp_path: Path) -> None:
    files = {"site-packages/x/code.py": 5_000, "lib/libx.so": 70_000}
    bare = conda(tmp_path / "a.conda", b"\0", paths=files)
    assert told_size(bare) == 5_000 + 70_000 + 5_000, "modules are compiled while it is installed"
    brought = {**files, "site-packages/x/__pycache__/code.cpython-312.pyc": 4_000}
    assert told_size(conda(tmp_path / "b.conda", b"\0", paths=brought)) == 5_000 + 70_000 + 4_000


@pytest.mark.parametrize("listed", ["[]", '{"paths": 3}', '{"paths": [7, {"_path": 1}]}', "no JSON"])
def test_a_list_of_paths_that_says_nothing(tmp_path: Path, listed: str) -> None:
    size = told_size(conda(tmp_path / "a.conda", b"\0" * 50_000, listed=listed))
    assert size is None or 50_000 < size < 65_000


@pytest.mark.parametrize("name", ["x.whl", "x.conda", "x.deb", "x.sh", "x.tar.bz2"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x28\xb5\x2f\xfd"])
def test_what_cannot_be_read_tells_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert told_size(path) is None
    assert told_size(tmp_path / "missing" / name) is None


def test_odd_wheels_tell_nothing(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path).read_bytes()
    directory = wheel.index(b"PK\x01\x02")
    newer = wheel[: directory + 6] + b"\x63\x00" + wheel[directory + 8 :]  # asks for version 9.9
    named = (
        wheel[: directory + 8]
        + b"\x00\x08"
        + wheel[directory + 10 : directory + 46]
        + b"\xff"
        + wheel[directory + 47 :]
    )
    for at, content in enumerate((newer, named)):
        path = tmp_path / f"odd{at}.whl"
        path.write_bytes(content)
        assert told_size(path) is None


def test_an_archive_that_is_not_here_is_estimated_by_its_kind(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for suffix, ratio in RATIOS.items():
        file = LockedFile(url=f"https://example.org/a{suffix}", sha256="0" * 64, size=1000)
        assert installed_size(file, Upstream(), store) == int(1000 * ratio)
    unknown = LockedFile(url="https://example.org/a.whl", sha256="0" * 64)
    assert installed_size(unknown, Upstream(), store) == 0
