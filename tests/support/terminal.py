"""A terminal of its own for a command: what it prints is read, what is typed is written, its state is looked at."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path


class Terminal:
    """A command that a terminal controls, of so many rows and columns."""

    def __init__(
        self,
        *argv: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        size: tuple[int, int] = (24, 80),
    ) -> None:
        # `side` stays open here, so that the terminal's state outlives the command.
        self.fd, self.side = pty.openpty()
        self.resize(*size)
        self.text = ""
        self.before = self.state()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=self.side,
            stdout=self.side,
            stderr=self.side,
            env=env,
            cwd=cwd,
        )

    def state(self) -> list[object]:
        """What termios says of it: flags, speeds, special characters."""
        return termios.tcgetattr(self.side)

    @property
    def is_raw(self) -> bool:
        """Whether every key goes to the program as it is."""
        return not termios.tcgetattr(self.side)[3] & (termios.ICANON | termios.ISIG | termios.ECHO)

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size; the kernel tells the command."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern: str, seconds: float = 60) -> str:
        """Read until the pattern was seen after what was asked for before; what was read."""
        read = ""
        while not re.search(pattern, read):
            ready, _, _ = select.select([self.fd], [], [], seconds)
            assert ready, f"no {pattern!r} in {read!r}"
            read += os.read(self.fd, 4096).decode(errors="replace")
        self.text += read
        return read

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self.fd, text.encode())

    def end(self, seconds: float = 60) -> int:
        """Wait for the command's end and read the rest; its exit code."""
        waited = 0.0
        while True:
            over = self.process.poll() is not None
            if select.select([self.fd], [], [], 0.1)[0]:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            elif over:
                return int(self.process.returncode)
            else:
                waited += 0.1
                assert waited < seconds, f"it did not end: {self.text!r}"

    def close(self) -> None:
        """Hang up."""
        self.process.kill()
        self.process.wait()
        os.close(self.fd)
        os.close(self.side)
