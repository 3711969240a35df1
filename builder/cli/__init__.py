"""The command line. Each command is one small file; what they share is in `app` and `boundary`."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from builder.cli.app import imgbuild
from builder.cli.boundary import run


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the `imgbuild` command; ends the process with the exit code."""
    gc.set_threshold(100_000)  # a short command ends before collecting would pay
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _terminated)
    _leave(run(lambda: _invoke(words), words))


def _invoke(words: list[str]) -> None:
    """As click's own `main` does, without its handling of faults: those are the boundary's."""
    with imgbuild.make_context("imgbuild", words) as context:
        imgbuild.invoke(context)


def _leave(code: int) -> NoReturn:
    """End the process with the exit code.

    rattler's threads may still be at work on what else was asked when a channel failed, and they abort a Python that
    is being taken apart around them (exit code 134 in place of ours). So then nothing is taken apart.
    """
    if "rattler" in sys.modules:
        with contextlib.suppress(OSError):  # a reader that went away; stdout was seen to before
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _terminated(_number: int, _frame: FrameType | None) -> None:
    """A polite kill is an interrupt: containers and half-made files are cleaned up on the way out."""
    raise KeyboardInterrupt
