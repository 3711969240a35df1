"""A program in no container: it writes what a test says, and notes what reaches it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Literal

from builder.errors import EngineError

Piece = tuple[Literal["stdout", "stderr"], bytes]


@dataclass
class FakeProgram:
    """ends_at: the signal that ends it, with that code. Output is what a test puts in, None is its end."""

    ends_at: str = ""
    code: int = 0
    gone: EngineError | None = None
    said: list[str] = field(default_factory=list)
    read: bytes = b""
    output_pieces: SimpleQueue[Piece | None] = field(default_factory=SimpleQueue)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def start(self) -> None:
        self._note("start")
        if self.gone is not None:
            raise self.gone

    def output(self) -> Iterator[Piece]:
        while (piece := self.output_pieces.get()) is not None:
            yield piece

    def write(self, data: bytes) -> None:
        with self.changed:
            self.read += data
            self.changed.notify_all()

    def end_input(self) -> None:
        self._note("end of input")

    def signal(self, name: str) -> None:
        self._note(name)
        if name == self.ends_at:
            self.output_pieces.put(None)

    def resize(self, rows: int, columns: int) -> None:
        self._note(f"{rows}x{columns}")

    def wait(self) -> int:
        return self.code

    def until(self, said: str) -> None:
        """Wait until it has been told this."""
        with self.changed:
            assert self.changed.wait_for(lambda: said in self.said, 30), self.said

    def _note(self, said: str) -> None:
        with self.changed:
            self.said.append(said)
            self.changed.notify_all()
