"""The plain face, for CI and pipes: one line per finished step."""

from __future__ import annotations

import threading
import time
from typing import TextIO

from builder.progress import Event, Note, StepLogged, StepStarted
from builder.report.folding import Fold
from builder.report.plain import encodable, one_line
from builder.report.steps import Clock, Ended, Steps, short

RED, DIM, PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[0m"


class PlainFace:
    """An observer that prints each step when it ended; safe to call from several threads.

    verbose also prints when a step begins, and what it logs as it comes. Otherwise a CI system that can fold gets it
    folded, and elsewhere nothing is printed of it.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        color: bool = False,
        fold: Fold | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._color = color
        self._fold = fold
        self._steps = Steps(clock)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        with self._lock:
            ended = self._steps.take(event)
            if ended is not None:
                self._show(ended)
            elif isinstance(event, Note):
                self._print(f"note    {one_line(event.text)}")
            elif self._verbose and isinstance(event, StepStarted):
                self._print(f"{event.phase:<7} {short(event.title)} ...")
            elif self._verbose and isinstance(event, StepLogged):
                self._print(f"  | {one_line(event.line)}")

    def _show(self, ended: Ended) -> None:
        line = f"{ended.step.phase:<7} {ended.step.title}"
        if ended.error:
            self._print(f"{line}  {self._in(RED, ended.ending)}")
            for last in ended.tail:
                self._print(f"  | {last.replace('##[', '## [')}")
        elif self._fold and ended.step.lines and not self._verbose:
            self._write(self._fold(f"{line}  {ended.ending}", ended.step.lines, ended.seconds))
        else:
            self._print(f"{line}  {self._in(DIM, ended.ending) if ended.cached else ended.ending}")

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._color else text

    def _print(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(encodable(text, self._stream))
        self._stream.flush()
