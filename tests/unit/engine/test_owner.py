from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.engine import owner


def test_this_process_lives() -> None:
    assert owner.owner()
    assert not owner.is_gone(owner.owner())


def test_a_process_that_ended_is_gone() -> None:
    script = "from builder.engine.owner import owner; print(owner())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert owner.is_gone(done.stdout.strip())


def test_one_that_ended_and_waits_for_its_parent_is_gone() -> None:
    script = "from builder.engine.owner import owner; print(owner(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read().strip()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its end, and it stays a zombie
        assert owner.is_gone(text)


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    machine, pid, start = owner.owner().split(".")
    assert owner.is_gone(f"{machine}.{pid}.{int(start) - 1}")


@pytest.mark.parametrize("text", ["", "x", "000000000000.1.1", "000000000000.99999999.1", "../..", "a.b.c"])
def test_what_cannot_be_known_is_not_gone(text: str) -> None:
    assert not owner.is_gone(text)


def test_where_the_system_does_not_tell_nobody_owns_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(owner, "_PROC", tmp_path)
    owner._machine.cache_clear()
    try:
        assert owner.owner() == ""
        assert not owner.is_gone(".1.1")
    finally:
        owner._machine.cache_clear()
