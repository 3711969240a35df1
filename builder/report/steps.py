"""What the faces know of the running steps. Events it cannot place are forgiven: showing never stops work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from builder.progress import Event, StepAdvanced, StepFinished, StepLogged, StepStarted
from builder.report.duration import human_time
from builder.report.plain import one_line
from builder.report.size import human_size

KEPT_LINES = 2000
LONGEST_TITLE = 120
Clock = Callable[[], float]


@dataclass(slots=True)
class Step:
    """One running step. started is the clock's seconds; lines are safe to show."""

    phase: str
    title: str
    started: float
    done: int = 0
    total: int | None = None
    unit: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))

    @property
    def amount(self) -> str:
        """`12 MB of 80 MB`, `12 of 60 packages`; empty while nothing was counted."""
        if not self.unit:
            return ""
        if self.unit == "bytes":
            whole = f" of {human_size(self.total)}" if self.total is not None else ""
            return f"{human_size(self.done)}{whole}"
        return f"{self.done}{f' of {self.total}' if self.total is not None else ''} {self.unit}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that ended: what to say of it in one line, and all it logged."""

    step: Step
    seconds: float
    cached: bool
    error: str

    @property
    def ending(self) -> str:
        """`cached`, `12.3 s`, `80 MB, 12.3 s` or `FAILED after 12.3 s`."""
        if self.error:
            return f"FAILED after {human_time(self.seconds)}"
        if self.cached:
            return "cached"
        size = f"{human_size(self.step.done)}, " if self.step.unit == "bytes" and self.step.done else ""
        return f"{size}{human_time(self.seconds)}"

    @property
    def tail(self) -> list[str]:
        """What to show of a failure here: the reason. The step's last lines stand in the error at the end."""
        return [short(self.error, 500)] if self.error else []


class Steps:
    """The running steps by key, in the order they started."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self.running: dict[str, Step] = {}

    def take(self, event: Event) -> Ended | None:
        """Follow one event; the ended step when it ended one."""
        if isinstance(event, StepStarted):
            self.running[event.key] = Step(one_line(event.phase), short(event.title), self.clock())
        elif isinstance(event, StepAdvanced):
            step = self._step(event.key)
            step.done, step.total, step.unit = event.done, event.total, event.unit
        elif isinstance(event, StepLogged):
            self._step(event.key).lines.append(one_line(event.line))
        elif isinstance(event, StepFinished):
            return self._end(event)
        return None

    def _end(self, event: StepFinished) -> Ended:
        step = self._step(event.key)
        del self.running[event.key]
        measured = 0.0 if event.cached else self.clock() - step.started
        return Ended(step, event.seconds or measured, event.cached, event.error)

    def _step(self, key: str) -> Step:
        """The step; one nobody announced is called by its key."""
        if key not in self.running:
            self.running[key] = Step("", short(key), self.clock())
        return self.running[key]


def short(text: str, most: int = LONGEST_TITLE) -> str:
    """The first line of a title, at most `most` characters of it."""
    line = one_line(text.strip().split("\n", 1)[0])
    return line if len(line) <= most else f"{line[: most - 3]}..."
