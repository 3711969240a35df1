from __future__ import annotations

import pytest

from builder.errors import LockError
from builder.plan import LARGE, group_packages
from tests.support.lock_samples import conda_package, image_spec, lock_set, pip_package
from tests.support.render_samples import environment_with

SPEC = image_spec()


def lock_of(**changes: object):  # type: ignore[no-untyped-def]
    environment = environment_with(SPEC.environments[0], SPEC, **changes)
    return lock_set(SPEC, environments=(environment,))


def test_small_files_are_one_group_and_large_ones_their_own() -> None:
    big = conda_package("mkl", size=LARGE)
    wheel = pip_package("torch", size=LARGE + 1)
    groups = group_packages(
        lock_of(conda=(conda_package("b"), big, conda_package("a")), pip=(pip_package(), wheel))
    )
    shape = [
        (group.kind, group.environment, [file.filename.split("-")[0] for file in group.files])
        for group in groups
    ]
    assert shape == [
        ("installer", "", ["Miniconda3"]),
        ("uv", "", ["uv"]),
        ("conda", "regression", ["a", "b"]),
        ("conda", "regression", ["mkl"]),
        ("pip", "regression", ["tabulate"]),
        ("pip", "regression", ["torch"]),
    ]


def test_every_locked_file_is_in_a_group() -> None:
    lock = lock_of()
    assert {file.sha256 for group in group_packages(lock) for file in group.files} == {
        f.sha256 for f in lock.files
    }


def test_equal_packages_are_equal_groups_in_every_image() -> None:
    one = group_packages(lock_of(conda=(conda_package("a"), conda_package("b"))))
    two = group_packages(lock_of(name="other", conda=(conda_package("b"), conda_package("a", depends=()))))
    assert [group.digest for group in one] == [group.digest for group in two]
    three = group_packages(lock_of(conda=(conda_package("a"), conda_package("b", sha256="0" * 64))))
    assert one[2].digest != three[2].digest


def test_a_moved_channel_is_another_group() -> None:
    moved = conda_package("a", url="https://elsewhere.example.org/linux-64/a-3.11.2-0.conda")
    assert (
        group_packages(lock_of(conda=(moved,)))[2].digest
        != group_packages(lock_of(conda=(conda_package("a"),)))[2].digest
    )


@pytest.mark.parametrize("name", ["", "..", "a b.conda", "a;b.conda", "$(x).conda", "a\n.conda", "-a.conda"])
def test_hostile_file_names_are_refused(name: str) -> None:
    with pytest.raises(LockError, match="file name"):
        group_packages(lock_of(conda=(conda_package(url=f"https://c.example.org/linux-64/{name}"),)))


def test_two_files_of_one_name_are_refused() -> None:
    twin = conda_package(url="https://other.example.org/linux-64/python-3.11.2-0.conda", sha256="0" * 64)
    with pytest.raises(LockError, match="share the file name"):
        group_packages(lock_of(conda=(conda_package(), twin)))
