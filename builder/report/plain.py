"""Text made safe to show: what a build or a test prints must not steer the terminal or the CI system."""

from __future__ import annotations

import re
from typing import TextIO

ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # colours, cursor movement
    r"|\x1b[ -/]*[0-~]?"
)
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """One line without escape sequences or control characters. Of a redrawn line, its last state."""
    bare = ESCAPES.sub("", text.rstrip("\r\n"))
    last = bare.rsplit("\r", 1)[-1]
    return CONTROLS.sub("?", last).expandtabs(4)


def many_lines(text: str) -> list[str]:
    """Every line of a text, each made safe."""
    return [one_line(line) for line in text.split("\n")]


def encodable(text: str, stream: TextIO) -> str:
    """The text with `?` for what the stream cannot encode."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def is_utf8(stream: TextIO) -> bool:
    """Can the stream show more than ASCII for sure?"""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") in {"utf8", "utf8sig"}
