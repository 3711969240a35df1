from __future__ import annotations

import struct
import zlib

import pytest

from builder.smoke.evidence import Evidence
from builder.smoke.judge_regression import judge_regression
from builder.smoke.measured import judge_interpreter, locked_version
from builder.smoke.png import png_fault
from tests.support.fake_container import SETTING, VERSIONS, environment_lock, good_numbers, png

PLOT = {"regression.png": png()}


def faults(**changed: float | str | None) -> list[str]:
    numbers = {**good_numbers(), **{name.replace("__", "-"): value for name, value in changed.items()}}
    kept = {name: value for name, value in numbers.items() if value is not None}
    return judge_regression(Evidence(kept, PLOT), environment_lock(), SETTING)


def test_true_numbers_pass() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("coefficient", 2.00001, "expected 2 within 1e-06, got 2.00001"),
        ("coefficient", 1.0, "expected 2 within 1e-06, got 1.0"),
        ("coefficient", "2", "expected 2 within 1e-06, got '2'"),
        ("coefficient", None, "expected 2 within 1e-06, got nothing"),
        ("intercept", -0.00001, "expected 0 within 1e-06, got -1e-05"),
        ("prediction_at_3", 5.0, "expected 6 within 1e-06, got 5.0"),
        ("mse", 5.0, "expected at least 0 and below 1e-09, got 5.0"),
        ("mse", 1e-9, "expected at least 0 and below 1e-09, got 1e-09"),
        ("mse", -1.0, "expected at least 0 and below 1e-09, got -1.0"),
        ("mse", None, "expected at least 0 and below 1e-09, got nothing"),
        ("baseline_mse", 0.1, "expected 5 within 1e-06, got 0.1"),
        ("python", "3.12.0", "expected version 3.11.2, got '3.12.0'"),
        ("prefix", "/usr", "expected /opt/conda/envs/regression, got '/usr'"),
        ("numpy", "2.4.7", "expected version 2.4.6, got '2.4.7'"),
        ("pandas", "3", "expected version 3.1.1, got '3'"),
        ("scikit-learn", None, "expected version 1.9.1, got nothing"),
        ("matplotlib", 3.11, "expected version 3.11.2, got 3.11"),
    ],
)
def test_each_wrong_number_fails_under_its_name(name: str, value: float | str | None, expected: str) -> None:
    assert faults(**{name: value}) == [f"{name}: {expected}"]


def test_a_fit_no_better_than_the_baseline_fails() -> None:
    found = faults(mse=1e-10, baseline_mse=1e-11)
    assert "mse: expected below the baseline's 1e-11, got 1e-10" in found


def test_every_fault_is_told_at_once() -> None:
    assert [fault.split(":")[0] for fault in faults(coefficient=1.0, mse=5.0, numpy="1")] == [
        "coefficient",
        "mse",
        "numpy",
    ]


def test_versions_are_compared_as_versions_and_wheels_win() -> None:
    lock = environment_lock(versions={**VERSIONS, "numpy": "2.4"})
    assert judge_regression(Evidence({**good_numbers(), "numpy": "2.4.0"}, PLOT), lock, SETTING) == []
    assert locked_version(
        environment_lock(versions={"matplotlib-base": "3.1"}), ("matplotlib", "matplotlib-base")
    )


def test_a_version_that_no_standard_knows_is_compared_as_text() -> None:
    lock = environment_lock(versions={"python": "3.11.2 (odd)"})
    prefix = "/opt/conda/envs/regression"
    assert judge_interpreter(Evidence({"python": "3.11.2 (odd)", "prefix": prefix}), lock, SETTING) == []


@pytest.mark.parametrize(
    ("picture", "fault"),
    [
        (png(), ""),
        (png(uniform=True), "a PNG of one colour"),
        (b"", "an empty file"),
        (b"GIF89a", "no PNG"),
        (png()[:-20], "a PNG that is cut short"),
        (png()[:60] + b"\0\0" + png()[62:], "a PNG that is cut short"),
        (png(width=0), "a PNG of an unusable size (0 x 30 pixels)"),
    ],
)
def test_a_picture_must_show_something(picture: bytes, fault: str) -> None:
    assert png_fault(picture) == fault
    found = judge_regression(
        Evidence(good_numbers(), {"regression.png": picture}), environment_lock(), SETTING
    )
    assert found == ([f"regression.png: expected a PNG that shows the fit, got {fault}"] if fault else [])


def test_a_header_that_promises_gigabytes_is_refused_before_inflating() -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", 10**6, 10**6, 8, 2, 0, 0, 0)
    picture = png()
    bomb = picture[:8] + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + picture[33:]
    assert png_fault(bomb) == "a PNG of an unusable size (1000000 x 1000000 pixels)"


def test_no_plot_is_a_fault() -> None:
    found = judge_regression(Evidence(good_numbers()), environment_lock(), SETTING)
    assert found == ["regression.png: expected a PNG that shows the fit, got none"]
