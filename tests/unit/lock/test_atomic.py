"""A set of files is replaced as a whole, also where something comes between."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import LockError
from builder.lock import atomic
from builder.lock.atomic import write_all
from builder.lock.files import read_locks, write_lock, write_locks
from tests.support.lock_samples import conda_environment, image_spec, lock_set

OLD = {"a.yml": b"old a", "b.yml": b"old b"}
NEW = {"a.yml": b"new a", "b.yml": b"new b", "c.yml": b"new c"}


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("number", range(1, 4))
def test_whatever_comes_between_the_renames_they_are_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException, number: int
) -> None:
    write_all(tmp_path, OLD)
    plain, calls = Path.replace, [0]

    def replace(self: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == number:
            raise fault
        return plain(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises((LockError, KeyboardInterrupt)):
            write_all(tmp_path, NEW, obsolete=["b.yml"])
    assert held(tmp_path) == OLD


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_full_disk_or_an_interrupt_before_leaves_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException, number: int
) -> None:
    write_all(tmp_path, OLD)
    calls = [0]

    def fsync(_descriptor: int) -> None:
        calls[0] += 1
        if calls[0] == number:
            raise fault

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "fsync", fsync)
        with pytest.raises((LockError, KeyboardInterrupt)):
            write_all(tmp_path, NEW)
    assert held(tmp_path) == OLD


def test_the_same_locks_are_not_written_again(tmp_path: Path) -> None:
    spec = image_spec()
    paths = write_lock(lock_set(spec), tmp_path, spec)
    before = [path.stat().st_ino for path in paths]
    assert write_lock(lock_set(spec), tmp_path, spec) == paths
    assert [path.stat().st_ino for path in paths] == before


def test_platforms_together_or_one_by_one_in_any_order(tmp_path: Path) -> None:
    spec = image_spec(conda_environment(), conda_environment("tools"))
    amd, arm = lock_set(spec), lock_set(spec, "linux/arm64")
    write_locks([amd, arm], tmp_path / "together", spec)
    write_locks([arm, amd], tmp_path / "turned", spec)
    write_lock(arm, tmp_path / "single", spec)
    write_lock(amd, tmp_path / "single", spec)
    assert held(tmp_path / "together") == held(tmp_path / "turned") == held(tmp_path / "single")
    assert read_locks(spec, tmp_path / "single") == {"linux/amd64": amd, "linux/arm64": arm}


def test_a_platform_that_is_not_declared_any_more_goes(tmp_path: Path) -> None:
    spec = image_spec()
    write_locks([lock_set(spec), lock_set(spec, "linux/arm64")], tmp_path, spec)
    alone = image_spec(platforms=("linux/amd64",))
    write_lock(lock_set(alone), tmp_path, alone)
    assert list(read_locks(alone, tmp_path)) == ["linux/amd64"]
