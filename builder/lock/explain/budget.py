"""How often and how long a refusal may be asked about again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


class Spent(Exception):  # noqa: N818  (no error: how a search ends that has used what it may)
    """No try is left."""


@dataclass(slots=True)
class Budget:
    """tries: how many are left. seconds: how long all of them together may take, from the first one on."""

    tries: int = 80
    seconds: float = 40.0
    clock: Callable[[], float] = time.monotonic
    used: int = 0
    ran_out: bool = False
    started: float | None = field(default=None)

    def spend(self) -> None:
        """Use one try. Raises Spent when none is left or the time is over."""
        if self.used >= self.tries or self.left() <= 0:
            self.ran_out = True
            raise Spent
        self.used += 1

    def left(self) -> float:
        """Seconds that are left."""
        now = self.clock()
        if self.started is None:
            self.started = now
        return self.seconds - (now - self.started)
