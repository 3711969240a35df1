"""Locks that are read without the definition they were made for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder.errors import LockError
from builder.lock.bare import page_alone, read_place, variant_of
from builder.lock.compare import compare
from builder.lock.files import write_locks
from tests.support.lock_samples import conda_environment, image_spec, lock_set

SPEC = image_spec(conda_environment(), conda_environment("tools"))
VARIANT = image_spec(variant="cu126")
LOCKS = {"linux/amd64": lock_set(SPEC), "linux/arm64": lock_set(SPEC, "linux/arm64")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_locks(list(LOCKS.values()), tmp_path / "regression", SPEC)
    write_locks([lock_set(VARIANT)], tmp_path / "regression", VARIANT)
    return tmp_path / "regression"


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("conda-lock.yml", None),
        ("conda-lock--tools.yml", None),
        ("imgbuild.lock.json", None),
        ("conda-lock.cu126.yml", "cu126"),
        ("conda-lock.cu126--tools.yml", "cu126"),
        ("imgbuild.lock.cu126.json", "cu126"),
        ("other.yml", None),
    ],
)
def test_the_variant_that_a_name_says(name: str, variant: str | None) -> None:
    assert variant_of(name) == variant


@pytest.mark.parametrize("name", ["", "conda-lock.yml", "conda-lock--tools.yml", "imgbuild.lock.json"])
def test_a_folder_and_each_of_its_files_are_the_whole_lock(folder: Path, name: str) -> None:
    assert read_place(folder / name) == (LOCKS, False)


def test_a_variant_s_file(folder: Path) -> None:
    assert read_place(folder / "conda-lock.cu126.yml") == ({"linux/amd64": lock_set(VARIANT)}, False)


def test_a_page_alone_says_as_much_as_a_lock_without_all_else(folder: Path, tmp_path: Path) -> None:
    page = Path(shutil.copy(folder / "conda-lock.yml", tmp_path / "regression" / "theirs.yml"))
    found, alone = read_place(page)
    assert alone
    for platform, lock in found.items():
        assert compare(page_alone(LOCKS[platform]), lock).empty
    assert {package.size for package in found["linux/amd64"].environments[0].conda} == {None}


@pytest.mark.parametrize(("name", "said"), [("empty", "there is no lock"), ("odd.yml", "cannot be read")])
def test_what_is_no_lock(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd.yml").write_text("a: 1\n")
    with pytest.raises(LockError, match=said):
        read_place(tmp_path / name)
