"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.report.paths import from_here


def test_below_the_working_directory_it_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "a/b") == "a/b"
    assert from_here(tmp_path.parent / "other") == str(tmp_path.parent / "other")
    assert from_here(Path("a/b")) == "a/b"
