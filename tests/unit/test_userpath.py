"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.userpath import user_path


def test_home_and_a_user_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/you")
    assert user_path("~/kits") == Path("/home/you/kits")
    assert user_path("~nosuch-user/kits") == Path("~nosuch-user/kits")
    assert user_path("kits") == Path("kits")
