"""Choose the face that shows progress: live on a terminal, folded plain lines in CI, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

from builder.network.redact import redacted
from builder.progress import Event, Observer, silent
from builder.report.folding import fold_for
from builder.report.lines import PlainFace
from builder.report.live import LiveFace

_WORDS = ("title", "line", "error", "text")  # what events say to people

__all__ = ["LiveFace", "PlainFace", "make_face"]


@contextmanager
def make_face(
    stream: TextIO, *, quiet: bool, verbose: bool, color: bool, environ: Mapping[str, str]
) -> Iterator[Observer]:
    """The observer for this stream, for the length of a `with`.

    quiet shows nothing (errors are the caller's to print). verbose prints every line a step logs. Live needs
    a terminal that understands escape sequences, outside CI.
    """
    if quiet:
        yield silent
    elif stream.isatty() and environ.get("TERM") != "dumb" and not environ.get("CI"):
        with LiveFace(stream, verbose=verbose, color=color, environ=environ) as face:
            yield face
    else:
        yield PlainFace(stream, verbose=verbose, color=color, fold=fold_for(environ))


def redacting(show: Observer) -> Observer:
    """The observer, told everything without secrets."""

    def told(event: Event) -> None:
        words = {name: redacted(text) for name in _WORDS if (text := getattr(event, name, ""))}
        show(replace(event, **words) if words else event)  # type: ignore[arg-type]

    return told
