"""Work that two processes would do twice waits for its turn."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from builder.store.turns import turn


def test_the_second_waits_and_is_told_once(tmp_path: Path) -> None:
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with turn(tmp_path, "work", lambda: (order.append("waits"), waits.set())):
            order.append("second")

    thread = threading.Thread(target=second)
    with turn(tmp_path, "work"):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["waits", "first", "second"]
    assert list((tmp_path / "turns").iterdir()) == []


def test_other_work_does_not_wait(tmp_path: Path) -> None:
    with turn(tmp_path, "one"), turn(tmp_path, "two", lambda: pytest.fail("it waited")):
        pass


def test_a_failure_gives_the_turn_back(tmp_path: Path) -> None:
    with pytest.raises(KeyError), turn(tmp_path, "work"):
        raise KeyError
    with turn(tmp_path, "work", lambda: pytest.fail("it waited")):
        pass


def test_a_store_that_cannot_be_written_has_no_turns(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = []
    with turn(tmp_path / "file", "work"):
        done.append(True)
    assert done
