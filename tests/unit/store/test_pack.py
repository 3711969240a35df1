from __future__ import annotations

import hashlib
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.store.group import PackageGroup
from builder.store.pack import pack


def locked(folder: Path, url: str, body: bytes) -> tuple[LockedFile, Path]:
    sha256 = hashlib.sha256(body).hexdigest()
    path = folder / sha256
    path.write_bytes(body)
    return LockedFile(url=url, sha256=sha256, size=len(body)), path


def conda_group(folder: Path) -> tuple[PackageGroup, dict[str, Path]]:
    pairs = [
        locked(folder, f"https://c.example.org/noarch/{name}-1-0.conda", name.encode() * 400)
        for name in "abz"
    ]
    group = PackageGroup(kind="conda", environment="one", files=tuple(file for file, _path in pairs))
    return group, {file.sha256: path for file, path in pairs}


def unpack(stream: bytes) -> dict[str, tuple[int, int, int, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        return {
            info.name: (info.mode, info.mtime, info.uid + info.gid, tar.extractfile(info).read())  # type: ignore[union-attr]
            for info in tar.getmembers()
        }


def test_a_conda_group_holds_the_files_and_their_urls(tmp_path: Path) -> None:
    group, paths = conda_group(tmp_path)
    found = unpack(b"".join(pack(group, paths)))
    assert list(found) == ["a-1-0.conda", "b-1-0.conda", "urls.txt", "z-1-0.conda"]
    assert found["urls.txt"][3].decode().split() == [file.url for file in group.files]
    assert {facts[:3] for facts in found.values()} == {(0o644, 0, 0)}


def test_equal_groups_give_equal_bytes(tmp_path: Path) -> None:
    group, paths = conda_group(tmp_path)
    other = group.model_copy(update={"environment": "another"})
    assert group.digest == other.digest
    assert b"".join(pack(group, paths)) == b"".join(pack(other, paths))


@pytest.mark.parametrize(
    "change", [lambda body: body[::-1], lambda body: body[:-1], lambda body: body + b"x"]
)
def test_a_changed_file_breaks_the_stream(tmp_path: Path, change: object) -> None:
    group, paths = conda_group(tmp_path)
    victim = paths[group.files[1].sha256]
    victim.write_bytes(change(victim.read_bytes() + b"yz"))  # type: ignore[operator]
    with pytest.raises(BuildError) as caught:
        list(pack(group, paths))
    assert str(victim) in str(caught.value)
    assert group.files[1].sha256 in str(caught.value)


def test_a_file_that_was_not_fetched_is_named(tmp_path: Path) -> None:
    group, paths = conda_group(tmp_path)
    del paths[group.files[0].sha256]
    with pytest.raises(BuildError, match="a-1-0.conda was not fetched"):
        list(pack(group, paths))


def uv_wheel(name: str = "uv-0.9.data/scripts/uv") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("uv/__init__.py", "")
        wheel.writestr(name, b"\x7fELF" + bytes(3000))
    return stream.getvalue()


def test_the_program_is_taken_out_of_uvs_wheel(tmp_path: Path) -> None:
    file, path = locked(tmp_path, "https://w.example.org/uv-0.9-py3-none-any.whl", uv_wheel())
    found = unpack(b"".join(pack(PackageGroup(kind="uv", files=(file,)), {file.sha256: path})))
    assert {name: (facts[0], facts[3]) for name, facts in found.items()} == {
        "uv": (0o755, b"\x7fELF" + bytes(3000))
    }


@pytest.mark.parametrize("body", [uv_wheel("uv-0.9.data/scripts/uvx"), b"not a zip"])
def test_a_wheel_without_uv_is_refused(tmp_path: Path, body: bytes) -> None:
    file, path = locked(tmp_path, "https://w.example.org/uv-0.9-py3-none-any.whl", body)
    with pytest.raises(BuildError, match="uv-0.9-py3-none-any.whl"):
        list(pack(PackageGroup(kind="uv", files=(file,)), {file.sha256: path}))


def test_a_changed_uv_wheel_is_refused_before_anything_is_taken_out(tmp_path: Path) -> None:
    file, path = locked(tmp_path, "https://w.example.org/uv-0.9-py3-none-any.whl", uv_wheel())
    path.write_bytes(uv_wheel("uv-6.6.data/scripts/uv"))
    with pytest.raises(BuildError, match=file.sha256):
        next(iter(pack(PackageGroup(kind="uv", files=(file,)), {file.sha256: path})))


def test_wheels_keep_their_real_name(tmp_path: Path) -> None:
    file, path = locked(tmp_path, "https://w.example.org/torch-2.9%2Bcu130-py3-none-any.whl", b"wheel")
    group = PackageGroup(kind="pip", environment="one", files=(file,))
    assert list(unpack(b"".join(pack(group, {file.sha256: path})))) == ["torch-2.9+cu130-py3-none-any.whl"]


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    file, path = locked(tmp_path, "https://c.example.org/noarch/big-1-0.conda", bytes(64 << 20))
    group = PackageGroup(kind="conda", environment="one", files=(file,))
    tracemalloc.start()
    total = sum(len(piece) for piece in pack(group, {file.sha256: path}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 64 << 20
    assert peak < 8 << 20
