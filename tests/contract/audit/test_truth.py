"""Real wheels with known faults, and sound ones, beside a torch: tests/support/audit_truth.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.audit_cases import small_case
from tests.support.audit_truth import TRUTH

SMALL = {name: case for name, case in TRUTH["cases"].items() if case["size"] == "small"}


@pytest.mark.parametrize("name", SMALL)
def test_each_is_found_with_its_cause_and_nothing_else(name: str, tmp_path: Path) -> None:
    found = small_case(SMALL[name], tmp_path)
    assert found.faults == []


def test_both_kinds_are_there() -> None:
    assert sum(bool(case["finds"]) for case in SMALL.values()) >= 8
    assert sum(not case["finds"] for case in SMALL.values()) >= 2
    assert {one["check"] for case in SMALL.values() for one in case["finds"]} >= {
        "no-kernel",
        "missing-library",
        "other-cuda",
        "torch-abi",
        "cpu-torch",
    }
