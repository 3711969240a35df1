"""The terminal somebody sits at: raw while a program in a container has it, and as it was on every way out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# What Debian's ncurses-base knows; another terminal's name would leave programs in the image without cursor keys.
_KNOWN = frozenset(
    {
        "ansi",
        "dumb",
        "linux",
        "rxvt",
        "rxvt-unicode",
        "screen",
        "screen-256color",
        "sun",
        "tmux",
        "tmux-256color",
    }
    | {"vt100", "vt102", "vt220", "xterm", "xterm-256color", "xterm-color", "xterm-mono"}
)


@dataclass(frozen=True, slots=True)
class Seat:
    """File descriptors of this process. stdin: None where nothing is to be read. terminal: stdin and stdout are one."""

    stdin: int | None = 0
    stdout: int = 1
    stderr: int = 2
    terminal: bool = False

    def size(self) -> tuple[int, int] | None:
        """Rows and columns; None where nobody knows."""
        try:
            size = os.get_terminal_size(self.stdout)
        except OSError:
            return None
        return (size.lines, size.columns) if size.lines and size.columns else None


def take_seat() -> Seat:
    """The seat of this process.

    In the background (`imgbuild run ... &`) the terminal belongs to somebody else: to read from it, or to set it,
    would stop us.
    """
    if not _is_open(0):
        return Seat(stdin=None)
    if not os.isatty(0):
        return Seat()
    if not _in_front(0):
        return Seat(stdin=None)
    return Seat(terminal=os.isatty(1) and sys.platform != "win32")


def known_terminal(name: str) -> str:
    """The name of a terminal that programs in an image know, in place of `TERM`."""
    return name if name in _KNOWN else "xterm-256color"


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _in_front(number: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(number) == os.getpgrp()
    except OSError:  # a terminal that is not ours to control
        return True


@contextmanager
def raw(seat: Seat) -> Iterator[Callable[[], None]]:
    """Every key goes to the program; what is called sets the terminal so again, after we were stopped and continued."""
    if not seat.terminal or seat.stdin is None or sys.platform == "win32":
        yield lambda: None
        return
    import termios
    import tty

    number = seat.stdin
    before = termios.tcgetattr(number)
    try:
        tty.setraw(number, termios.TCSANOW)
        yield lambda: tty.setraw(number, termios.TCSANOW)
    finally:
        termios.tcsetattr(number, termios.TCSANOW, before)
