"""Whole torch environments from the package index, 3 to 4 GB each, sound ones and spoiled ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.audit_cases import large_case, large_stack
from tests.support.audit_truth import TRUTH

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
LARGE = {name: case for name, case in TRUTH["cases"].items() if case["size"] == "large"}


@pytest.mark.parametrize("name", TRUTH["stacks"])
def test_a_current_stack_gives_no_alarm(name: str, tmp_path: Path) -> None:
    found = large_stack(name, tmp_path)
    shutil.rmtree(tmp_path)
    assert found.faults == []
    torch = {
        target
        for row in found.audit.rows
        if row.package.startswith("torch ")
        for target in (*row.code, *row.ptx)
    }
    assert set(TRUTH["stacks"][name]["flags"].split()) <= torch


@pytest.mark.parametrize("name", LARGE)
def test_a_spoiled_one_is_found(name: str, tmp_path: Path) -> None:
    found = large_case(LARGE[name], tmp_path)
    shutil.rmtree(tmp_path)
    assert found.faults == []
