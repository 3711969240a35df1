"""A real, interactive bash with a terminal, into which a test types."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.workshop import REPOSITORY

_SECONDS = 60.0  # a machine with other work to do; an answer takes half of one


class TypedShell:
    """bash as people have it: keys go in, what stands on the screen comes out."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._seen = ""

    def run(self, line: str, wanted: str) -> str:
        """Type a line and Enter; returns what the first group of `wanted` matches in the answer."""
        self._seen = ""
        os.write(self._terminal, f"{line}\n".encode())
        end = time.monotonic() + _SECONDS
        while (found := re.search(wanted, self._seen.replace("\r", ""))) is None:
            assert time.monotonic() < end, self._seen
            if select.select([self._terminal], [], [], 0.2)[0]:
                self._seen += os.read(self._terminal, 65536).decode(errors="replace")
        return found[1]

    def completed(self, keys: str) -> str:
        """The line that is there after these keys and Tab, as bash then reads it."""
        return self.run(f"{keys}\t\x01said ", r"\n<([^>\n]*)>\n")


@contextmanager
def typed_shell(home: Path, cwd: Path = REPOSITORY) -> Iterator[TypedShell]:
    """A bash in which `imgbuild` is this one, and completes."""
    program = home / "bin" / "imgbuild"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m builder.cli "$@"\n')
    program.chmod(0o755)
    environ = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "HOME": str(home),
        "INPUTRC": os.devnull,
        "TERM": "dumb",
        "PS1": "",
    }
    ours, theirs = pty.openpty()
    bash = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environ, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        shell = TypedShell(ours)
        shell.run("""said() { printf '\\n<%s>\\n' "$*"; }; said 'there'""", r"\n<(there)>\n")
        shell.run('eval "$(imgbuild completion bash)"; said 1$?', r"\n<(10)>\n")
        yield shell
    finally:
        bash.kill()
        bash.wait()
        os.close(ours)
