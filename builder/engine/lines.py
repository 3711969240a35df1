"""Raw output of programs, cut into lines that are safe to show."""

from __future__ import annotations

import re

_LONGEST = 4096  # characters of one line that are kept
_PENDING = 64 * 1024  # bytes held back while waiting for a line end

# CSI (colours, cursor), OSC (titles, links), and the two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# C0 and C1 controls, and the marks that reorder text on a terminal; the tab stays.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def clean(raw: bytes) -> str:
    """One line as a person may see it: the last state of a `\\r` progress line, no escapes, valid text."""
    shown = raw.rstrip(b"\r\n").rsplit(b"\r", 1)[-1].decode("utf-8", "replace")
    text = _CONTROLS.sub("", _ESCAPES.sub("", shown))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def clean_text(raw: bytes) -> str:
    """Several lines, each of them clean."""
    return "\n".join(clean(line) for line in raw.split(b"\n"))


class LineAssembler:
    """Puts pieces of output together to whole lines, in bounded memory."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> tuple[str, ...]:
        """Take a piece; give the lines that it completes."""
        *whole, rest = (self._pending + data).split(b"\n")
        if len(rest) > _PENDING:
            rest = rest.rsplit(b"\r", 1)[-1]  # progress that is overwritten again and again
        if len(rest) > _PENDING:
            whole.append(rest)
            rest = b""
        self._pending = rest
        return tuple(clean(line) for line in whole)

    def flush(self) -> tuple[str, ...]:
        """The last line, where its end never came."""
        rest, self._pending = self._pending, b""
        return (clean(rest),) if rest else ()
