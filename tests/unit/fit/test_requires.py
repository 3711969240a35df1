"""NVIDIA_REQUIRE_* as NVIDIA's container toolkit decides it (internal/requirements/constraints/*_test.go)."""

from __future__ import annotations

import pytest

from builder.fit.requires import holds

HAVE = {"cuda": "12.2", "driver": "535.104.05", "arch": "8.0"}
# The head of the variable in nvidia/cuda:13.0.x (facts of NVIDIA's own Dockerfiles)
OFFICIAL = (
    "cuda>=13.0 brand=unknown,driver>=535,driver<536 brand=tesla,driver>=535,driver<536 "
    "brand=tesla,driver>=570,driver<571"
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", True),
        ("cuda>=12.0", True),
        ("cuda>=12.2", True),
        ("cuda>=12.10", False),
        ("cuda>=13.0", False),
        ("cuda>=12.0,cuda<13.0", True),
        ("cuda>=13.0 cuda<12.5", True),
        ("cuda!=12.2", False),
        ("cuda=12.2", True),
        ("cuda>12.2", False),
        ("cuda<=12.2", True),
        ("arch>=7.5", True),
        ("arch<8.0", False),
        ("driver>=535.104.05", True),
        ("driver>=535.104.5", True),
        ("driver>=536", False),
        ("driver>=535,driver<536", True),
        ("unknown>=1", True),
        ("unknown>=1 cuda>=13.0", False),
        ("unknown>=1,cuda>=12.0", True),
        ("brand=tesla", None),
        ("brand=tesla cuda>=12.0", True),
        ("brand=tesla,driver>=536", False),
        (OFFICIAL, None),
    ],
)
def test_requirements(text: str, answer: bool | None) -> None:
    assert holds(text, HAVE) is answer


@pytest.mark.parametrize(("brand", "answer"), [("tesla", True), ("geforce", False)])
def test_a_brand_that_is_known(brand: str, answer: bool) -> None:
    assert holds(OFFICIAL, {**HAVE, "brand": brand}) is answer


def test_what_is_not_known_is_no_yes() -> None:
    assert holds("cuda>=12.0", {}) is None
    assert holds("cuda>=12.0 driver>=535", {"driver": "535.1"}) is True
    assert holds("cuda>=12.0,driver>=535", {"driver": "530.1"}) is False


@pytest.mark.parametrize(
    "text", ["cuda", "cuda>=", ">=12", "cuda>=twelve", "cuda>=12.0 nonsense", "cuda>=-1", "cuda>=1_2.0"]
)
def test_what_is_no_constraint(text: str) -> None:
    with pytest.raises(ValueError, match="is no constraint|is no version"):
        holds(text, HAVE)
