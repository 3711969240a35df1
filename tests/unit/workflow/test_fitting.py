"""When fitness is asked: by the definition before there is a lock, by the lock afterwards, whenever it is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import builder.lock.make
from builder.errors import LockError
from builder.lock.files import write_locks
from builder.lock.model import LockSet
from builder.progress import silent
from builder.spec.model import Allowance, ImageSpec
from builder.workflow.checking import check_locks
from builder.workflow.fitting import refuse_unfit
from builder.workflow.locking import current_lock
from builder.workflow.relock import NOTHING_MOVES, relock
from tests.support.lock_samples import SampleSource, environment_lock, lock_set, pip_package
from tests.unit.fit.samples import tune

REFUSED = "p100 .* cannot run torch 2.9.1 for CUDA 12.8"


def with_torch(spec: ImageSpec, version: str) -> LockSet:
    """A fresh lock of a definition that leaves torch open; versions without a line are builds for 12.8."""
    needs = () if "+" in version else ("nvidia-cuda-runtime-cu12==12.8.90",)
    held = environment_lock(spec.environments[0], spec)
    torch = pip_package("torch", version, depends=needs)
    return lock_set(spec, environments=(held.model_copy(update={"pip": (torch,)}),))


@pytest.fixture
def spec() -> ImageSpec:
    return tune("torch", gpus="p100", platforms=("linux/amd64",))


def written(folder: Path, spec: ImageSpec, lock: LockSet) -> SampleSource:
    source = SampleSource(folder)
    write_locks([lock], source.lock_folder(spec), spec)
    return source


def test_a_lock_is_judged_whenever_it_is_read(tmp_path: Path, spec: ImageSpec) -> None:
    source = written(tmp_path, spec, with_torch(spec, "2.9.1"))
    with pytest.raises(LockError, match=REFUSED):
        current_lock(spec, "linux/amd64", source, locked=True, observer=silent)
    with pytest.raises(LockError, match=REFUSED):
        refuse_unfit(spec, "linux/amd64", source)
    (row,) = check_locks(None, [(spec, ["linux/amd64"])], source)  # type: ignore[arg-type]
    assert row.status == "unusable"
    assert "p100" in row.trouble
    allowing = spec.model_copy(update={"allow": (Allowance(check="gpu", package="p100", reason="x"),)})
    assert current_lock(allowing, "linux/amd64", source, locked=True, observer=silent)


def test_a_sound_lock_is_none_to_refuse(tmp_path: Path, spec: ImageSpec) -> None:
    source = written(tmp_path, spec, with_torch(spec, "2.9.1+cu126"))
    assert current_lock(spec, "linux/amd64", source, locked=True, observer=silent)
    refuse_unfit(spec, "linux/amd64", source)


def test_a_lock_of_another_definition_says_nothing_of_this_one(tmp_path: Path, spec: ImageSpec) -> None:
    source = written(tmp_path, spec, with_torch(spec, "2.9.1"))
    mended = tune("torch==2.9.1+cu126", gpus="p100", platforms=("linux/amd64",))
    refuse_unfit(mended, "linux/amd64", source)
    with pytest.raises(LockError, match="stale"):
        current_lock(mended, "linux/amd64", source, locked=True, observer=silent)


class UsualIndex(SampleSource):
    """Takes wheels from where uv does without being told."""

    def wheel_index(self) -> tuple[str, ...]:
        return ()


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UsualIndex:
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    return UsualIndex(tmp_path)


def test_without_a_lock_the_definition_is_refused_before_one_is_missed(usual: UsualIndex) -> None:
    pinned = tune("torch==2.9.1", gpus="p100", platforms=("linux/amd64",))
    with pytest.raises(LockError, match=REFUSED):
        current_lock(pinned, "linux/amd64", usual, locked=True, observer=silent)


def test_an_index_that_was_named_may_have_any_build(
    usual: UsualIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch 2.9.1 of the usual index is for 12.8 and has nothing for a P100; the one for 12.6 has."""
    pinned = tune("torch==2.9.1", gpus="p100", platforms=("linux/amd64",))
    refuse_unfit(pinned, "linux/amd64", SampleSource(tmp_path))
    with pytest.raises(LockError, match=REFUSED):
        refuse_unfit(pinned, "linux/amd64", usual)
    monkeypatch.setenv("UV_INDEX", "https://wheels.example.org/cu126")
    refuse_unfit(pinned, "linux/amd64", usual)
    with pytest.raises(LockError, match="b200"):  # no build of 2.6 has anything for it
        refuse_unfit(tune("torch==2.6.0", gpus="b200", platforms=("linux/amd64",)), "linux/amd64", usual)


def test_locking_asks_before_it_solves_and_after(
    usual: UsualIndex, spec: ImageSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved: list[str] = []

    def made(asked: ImageSpec, *_: object, **__: object) -> LockSet:
        solved.append(asked.environments[0].pip[0])
        return with_torch(asked, "2.9.1")

    monkeypatch.setattr(builder.lock.make, "make_lock", made)
    source = usual
    pinned = tune("torch==2.9.1", gpus="p100", platforms=("linux/amd64",))
    with pytest.raises(LockError, match=REFUSED):
        relock(pinned, ["linux/amd64"], source, NOTHING_MOVES, silent)
    assert solved == []
    outcome = relock(spec, ["linux/amd64"], source, NOTHING_MOVES, silent)
    assert solved == ["torch"]
    ((platform, error),) = outcome.failed
    assert platform == "linux/amd64"
    assert "p100" in error.what
    assert not source.lock_folder(spec).exists()
