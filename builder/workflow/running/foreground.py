"""A program in a container, attended: what is typed goes in, what it writes comes out, signals reach it.

The main thread writes what comes. Two others feed the program, and pass on signals and the terminal's size. They hear
of a signal through a pipe that the system's own handler writes to: Python's handlers wait until the main thread has
time, may miss one that comes while they run, and may not use a connection whose lock that thread holds.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from builder.engine.attended import Program
from builder.errors import EngineError, ImgbuildError
from builder.workflow.running.terminal import Seat, raw

_PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
_ENDING = ("SIGHUP", "SIGTERM")
_OURS = ("SIGWINCH", "SIGCONT")
_INSISTING = 3, 10.0  # so many Ctrl-C or SIGTERM in so many seconds, and the program is killed
_PIECE = 1 << 16
BROKEN_PIPE = 128 + 13
"""How a shell tells the end of a program whose reader went away."""

log = logging.getLogger(__name__)


def attend(program: Program, seat: Seat, *, grace: float = 10.0, hang_up: bool = False) -> int:
    """Start the program, sit with it to its end, and return its exit code.

    grace: seconds from SIGTERM or SIGHUP to the end, then it is killed. hang_up: it gets SIGHUP for SIGTERM, which an
    interactive shell ignores. Raises EngineError when the engine goes away, ImgbuildError when what the program
    writes cannot be written here.
    """
    with _heard() as bell, raw(seat) as raw_again:
        program.start()
        keeper = _Keeper(program, seat, bell, grace, hang_up, raw_again)
        with _thread("imgbuild-signals", keeper.keep, lambda: bell.ring(_Bell.END)), _fed(program, seat):
            lost = _written(program, seat, bell)
            code = program.wait()
    return BROKEN_PIPE if lost else code


def _written(program: Program, seat: Seat, bell: _Bell) -> bool:
    """Write what comes until it ends. Whether the reader went away: then the program is asked to end as well."""
    lost = False
    for stream, data in program.output():
        if lost:
            continue
        try:
            _write(seat.stderr if stream == "stderr" else seat.stdout, data)
        except BrokenPipeError:
            lost = True
            bell.ring(signal.SIGTERM)
        except OSError as error:
            what = f"cannot write what the program writes: {error.strerror}"
            raise ImgbuildError(what, where=stream, fix=f"send {stream} to another place") from error
    return lost


def _write(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[_put(number, rest) :]


def _put(number: int, data: memoryview) -> int:
    try:
        return os.write(number, data)
    except BlockingIOError:  # somebody who shares this terminal or pipe has set it so
        select.select([], [number], [])
        return 0


class _Bell:
    """A pipe of signals' numbers."""

    END = 0

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)

    def ring(self, number: int) -> None:
        """As a signal does."""
        os.write(self.writing, bytes([number]))

    def next(self, seconds: float | None) -> str | None:
        """The next signal's name; empty for END; None when there was none in time."""
        if not select.select([self._reading], [], [], seconds)[0]:
            return None
        number = os.read(self._reading, 1)[0]
        return signal.Signals(number).name if number else ""

    def close(self) -> None:
        """Nobody listens any more."""
        os.close(self._reading)
        os.close(self.writing)


@contextmanager
def _heard() -> Iterator[_Bell]:
    """Signals ring a bell and do nothing else. One that is ignored (nohup, a shell's `&`) stays so."""
    bell = _Bell()
    before = {}
    woken = signal.set_wakeup_fd(bell.writing, warn_on_full_buffer=False)
    try:
        for name in (*_PASSED_ON, *_OURS):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda _number, _frame: None)
        yield bell
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        bell.close()


class _Keeper:
    """Passes on what was asked for, and kills a program that does not end when it was told to."""

    def __init__(
        self,
        program: Program,
        seat: Seat,
        bell: _Bell,
        grace: float,
        hang_up: bool,
        raw_again: Callable[[], None],
    ) -> None:
        self._program = program
        self._seat = seat
        self._bell = bell
        self._grace = grace
        self._hang_up = hang_up
        self._raw_again = raw_again
        self._insisted: list[float] = []
        self._until: float | None = None

    def keep(self) -> None:
        """Until the program has ended."""
        try:
            self._resize()
            while name := self._next():
                self._obey(name)
        except ImgbuildError as error:  # the main thread reads from the same engine, and raises it
            log.debug("signals are no longer passed on: %s", error)

    def _next(self) -> str:
        left = None if self._until is None else max(0.0, self._until - time.monotonic())
        name = self._bell.next(left)
        if name is not None:
            return name
        self._until = None
        log.warning("the program did not end in %g seconds and is killed", self._grace)
        return "SIGKILL"

    def _obey(self, name: str) -> None:
        if name == "SIGCONT":
            self._raw_again()
        if name in _OURS:
            self._resize()
        if name not in {*_PASSED_ON, "SIGKILL"}:  # also somebody's own alarm
            return
        now = time.monotonic()
        if name in _ENDING and self._until is None:
            self._until = now + self._grace
        if name in {"SIGINT", "SIGTERM"}:
            times, seconds = _INSISTING
            self._insisted = [*(at for at in self._insisted if now - at < seconds), now]
            name = "SIGKILL" if len(self._insisted) >= times else name
        self._program.signal("SIGHUP" if name == "SIGTERM" and self._hang_up else name)

    def _resize(self) -> None:
        size = self._seat.size() if self._seat.terminal else None
        if size is not None:
            self._program.resize(*size)


@contextmanager
def _thread(name: str, work: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join(5.0)


@contextmanager
def _fed(program: Program, seat: Seat) -> Iterator[None]:
    """Feed the program. Whatever is typed after its end stays for whoever reads next."""
    if seat.stdin is None:
        yield
        return
    number = seat.stdin
    waking, wake = os.pipe()

    def feed() -> None:
        try:
            while True:
                ready, _, _ = select.select([number, waking], [], [])
                if waking in ready:
                    return
                data = os.read(number, _PIECE)
                if not data:
                    break
                program.write(data)
            program.end_input()
        except (OSError, EngineError) as error:  # it reads no more, or the terminal is gone
            log.debug("nothing more is read: %s", error)

    def end() -> None:
        os.write(wake, b".")
        program.end_input()  # it may be in the middle of writing to a program that has ended

    try:
        with _thread("imgbuild-input", feed, end):
            yield
    finally:
        os.close(waking)
        os.close(wake)
