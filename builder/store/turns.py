"""One at a time: work that two processes would do twice waits for its turn, on this machine."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.store.cache import open_locked

log = logging.getLogger(__name__)


@contextmanager
def turn(root: Path, key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold `key` alone among the processes that share the store at root; death gives it back.

    waiting is called once when another process holds it. A store that cannot be written has no place for a lock:
    then there are no turns, and the work is done as if it were alone, which costs time and breaks nothing.
    """
    path = root / "turns" / hashlib.sha256(key.encode()).hexdigest()
    told = False

    def wait(seconds: float) -> None:
        nonlocal told
        if not told:
            told = True
            waiting()
        time.sleep(seconds)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = open_locked(path, wait)
    except OSError as error:
        log.debug("no turns: %s", error)
        yield
        return
    with stream:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
