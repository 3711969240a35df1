"""The one module that runs other programs: it logs the command, then returns or raises with code and output."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

Expired = subprocess.TimeoutExpired
"""Raised by `run` after `timeout` seconds; here by a name for those who may not import subprocess."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left behind."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class CommandFailed(Exception):  # noqa: N818  (says what happened; callers turn it into an ImgbuildError)
    """A program ended with another code than 0. `result` has its output."""

    def __init__(self, result: Finished) -> None:
        self.result = result
        tail = (result.stderr or result.stdout).strip().splitlines()[-20:]
        super().__init__(f"{shlex.join(result.argv)} ended with code {result.code}\n" + "\n".join(tail))


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> Finished:
    """Run a program to its end, without a shell, and return its code and output.

    env replaces nothing: it is added to this process's environment. Raises CommandFailed when check is set and
    the code is not 0, Expired after timeout seconds, FileNotFoundError when there is no such
    program. An interrupt kills the program and all it started before it is raised again.
    """
    words = tuple(str(word) for word in argv)
    log.debug("run %s", shlex.join(words))
    with subprocess.Popen(
        words,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    result = Finished(words, process.returncode, out, err)
    log.debug("ended %s with %d", words[0], result.code)
    if check and result.code != 0:
        raise CommandFailed(result)
    return result
