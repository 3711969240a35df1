"""Steps of a bootstrap as progress: started, advanced, finished or failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from builder.progress import Event, Observer, StepAdvanced, StepFinished, StepStarted

PHASE = "kit"


@dataclass(slots=True)
class Step:
    """A running step. advance(done, total) tells how far it is; cached says that nothing had to be done."""

    advance: Callable[[int, int], None]
    cached: bool = False


class Stopped(Exception):  # noqa: N818  (not a fault: the other half failed, or the user interrupted)
    """The work as a whole was stopped."""


class Serial:
    """An observer that several threads may call: events arrive one after the other.

    It is also how one thread stops the others: they tell of every step and piece, and that raises Stopped.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._stopped = False

    def __call__(self, event: Event) -> None:
        """Pass an event on. Raises Stopped after an error in another thread."""
        with self._lock:
            if self._stopped and not isinstance(event, StepFinished):
                raise Stopped("stopped")
            self._observer(event)

    @contextmanager
    def stopped_by_errors(self) -> Iterator[None]:
        """An error or interrupt in the block stops what other threads do, at their next event."""
        try:
            yield
        except BaseException:
            self._stopped = True
            raise


@contextmanager
def step(observer: Observer, name: str, title: str, *, in_bytes: bool = False) -> Iterator[Step]:
    """Tell that a step runs, and how it ended; an error is told and raised again."""
    key = f"{PHASE}:{name}"
    began = time.monotonic()
    observer(StepStarted(PHASE, key, title))
    running = Step(
        lambda done, total: observer(StepAdvanced(key, done, total, "bytes" if in_bytes else "packages"))
    )
    try:
        yield running
    except BaseException as error:
        words = str(error) or type(error).__name__
        observer(StepFinished(key, time.monotonic() - began, error=words))
        raise
    observer(StepFinished(key, time.monotonic() - began, cached=running.cached))
