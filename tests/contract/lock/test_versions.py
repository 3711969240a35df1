"""The order of versions, beside what dpkg says itself; conda's and pip's are their own libraries'."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from builder.lock.versions import order

DEBIAN = (
    "0", "1.0", "1.00", "1.0.1", "1.", "1a", "1.a0", "1.0a", "1.0-1", "1.0-0", "1-1-1", "1:0.5", "1.0~", "1.0~~",
    "1.0~rc1", "1.0~rc1-1", "1.0-1~bpo12", "1.0-1+b1", "1.0+deb12u1", "2.36-9+deb12u9", "2.36-9+deb12u10",
)  # fmt: skip


@pytest.mark.parametrize("old", DEBIAN)
def test_debian_versions_as_dpkg_compares_them(old: str) -> None:
    for new in DEBIAN:
        asked = ["dpkg", "--compare-versions", new, "gt", old]
        newer = subprocess.run(asked, check=False).returncode == 0
        assert (order("apt", old, new) > 0) == newer, (old, new)
        assert order("apt", old, new) == -order("apt", new, old)


@pytest.mark.parametrize(
    ("manager", "rising"),
    [
        ("conda", ["1.0dev1", "1.0a1", "1.0", "1.0post1", "1.1", "2!0.1"]),
        ("conda", ["2023d", "2024a", "2024b"]),
        ("pip", ["1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.1", "1!0.1"]),
    ],
)
def test_rising_versions(manager: str, rising: list[str]) -> None:
    for old, new in itertools.combinations(rising, 2):
        assert order(manager, old, new) == 1, (old, new)
        assert order(manager, new, old) == -1


@pytest.mark.parametrize(
    ("manager", "old", "new"),
    [("conda", "1.0", "1"), ("pip", "1.0", "1"), ("pip", "2024x_1", "2024y_1"), ("conda", "a!b!1", "a!b!2")],
)
def test_the_same_or_nobody_can_tell(manager: str, old: str, new: str) -> None:
    assert order(manager, old, new) == 0
