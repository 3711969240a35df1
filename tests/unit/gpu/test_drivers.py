"""Drivers: versions, CUDA lines, and the GPUs that a branch no longer drives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import UsageError
from builder.gpu.drivers import Driver, driver, drives, floor, last_branch, newest_line, paired, serves
from builder.gpu.gpus import find_gpu
from builder.gpu.tables import toolkits

FULL = st.builds(Driver, st.integers(450, 700), st.integers(0, 299), st.integers(0, 99))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("535", (535, None, None)),
        ("570.26", (570, 26, None)),
        ("535.54.03", (535, 54, 3)),
        ("580.105.08", (580, 105, 8)),
    ],
)
def test_versions_are_read_and_written(text: str, version: tuple[int, ...]) -> None:
    assert driver(text) == version
    assert str(driver(text)) == text


@pytest.mark.parametrize("text", ["", "5", "535.", "535.1.2.3", "v535", "535-server", "0535", "535.1.2b"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a driver version"):
        driver(text)


@pytest.mark.parametrize(
    ("have", "line", "answer"),
    [
        ("535", "13.0", "no"),
        ("535.183.01", "13.0", "no"),
        ("535.183.01", "12.2", "yes"),
        ("535.183.01", "12.4", "minor"),
        ("525.60.13", "12.9", "minor"),
        ("525.60.12", "12.0", "no"),
        ("525", "12.0", "yes"),
        ("520.61.05", "12.0", "no"),
        ("520.61.05", "11.8", "yes"),
        ("470.256.02", "11.8", "minor"),
        ("450.80.01", "11.8", "no"),
        ("570.86.10", "12.8", "yes"),
        ("570.124.06", "12.9", "minor"),
        ("579.99.99", "13.0", "no"),
        ("580", "13.0", "yes"),
        ("580.65.06", "13.0", "yes"),
        ("580.65.06", "13.2", "minor"),
        ("595.58.03", "13.2", "yes"),
        ("620.10", "12.1", "yes"),
        ("620.10", "13.9", "minor"),  # a line newer than the table
    ],
)
def test_which_driver_serves_which_line(have: str, line: str, answer: str) -> None:
    assert serves(driver(have), line) == answer


def test_an_unknown_major_is_no_guess() -> None:
    with pytest.raises(UsageError, match=r"CUDA 14\.0 is not known"):
        serves(driver("620"), "14.0")
    assert paired("13.9") is None
    assert floor("13.9") == driver("580")


@given(FULL, FULL)
def test_full_versions_are_ordered(one: Driver, other: Driver) -> None:
    assert one.reaches(other) == (one >= other)
    assert Driver(one.branch).reaches(other) == (one.branch >= other.branch)


@given(FULL, FULL, st.sampled_from(list(toolkits())))
def test_a_newer_driver_serves_no_less(one: Driver, other: Driver, line: str) -> None:
    rank = {"no": 0, "minor": 1, "yes": 2}
    older, newer = sorted((one, other))
    assert rank[serves(older, line)] <= rank[serves(newer, line)]


def test_the_newest_line_of_a_driver() -> None:
    assert newest_line(driver("535.183.01")) == "12.2"
    assert newest_line(driver("580.95.05")) == "13.0"
    assert newest_line(driver("575.57.08")) == "12.9"
    assert newest_line(driver("470.256.02")) is None


@pytest.mark.parametrize(
    ("gpu", "last"),
    [
        ("k80", 470),
        ("m40", 580),
        ("p100", 580),
        ("gtx1080", 580),
        ("v100", 580),
        ("t4", None),
        ("h100", None),
    ],
)
def test_the_last_branch_of_an_architecture(gpu: str, last: int | None) -> None:
    found = find_gpu(gpu)
    assert last_branch(found) == last
    assert drives(driver("580.95.05"), found) == (last is None or last >= 580)
    assert drives(driver("590.44.01"), found) == (last is None)
