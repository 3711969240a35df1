"""The command line. Each command is one small file; what they share is in `app` and `boundary`."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from builder.cli.app import imgbuild
from builder.cli.boundary import run

_COMPLETE = "_IMGBUILD_COMPLETE"  # as a shell's completion script sets it


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the `imgbuild` command; ends the process with the exit code."""
    gc.set_threshold(100_000)  # a short command ends before collecting would pay
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    if _COMPLETE in os.environ:
        from builder.cli.complete_line import answer

        sys.exit(answer(os.environ[_COMPLETE]))
    signal.signal(signal.SIGTERM, _terminated)
    code = run(lambda: _invoke(words), words)
    if argv is None and "rattler" in sys.modules:
        _end(code)
    sys.exit(code)


def _open_streams() -> None:
    """Who starts us with a closed stream (`>&-`, some cron daemons) wants nothing of it: Python leaves None there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  (until the end)


def _end(code: int) -> NoReturn:
    """End the process without taking the interpreter apart.

    rattler's threads outlive a solve by a moment, and let go of Python objects then: while the interpreter ends, that
    aborts the process (signal 6 in place of our exit code). All that is ours was closed on the way here.
    """
    logging.shutdown()
    try:
        sys.stderr.flush()
    finally:
        os._exit(code)


def _invoke(words: list[str]) -> None:
    """As click's own `main` does, without its handling of faults: those are the boundary's."""
    with imgbuild.make_context("imgbuild", words) as context:
        imgbuild.invoke(context)


def _terminated(_number: int, _frame: FrameType | None) -> None:
    """A polite kill is an interrupt: containers and half-made files are cleaned up on the way out."""
    raise KeyboardInterrupt
