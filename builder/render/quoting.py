"""How a value enters a Dockerfile, so that it arrives as it was written and can never break out.

Every filter returns `Quoted`, and the page prints nothing else: a template that forgets a filter does not
render.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

from builder.errors import UsageError

CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?")
WORD = re.compile(r"[A-Za-z0-9._:/@+-]+")


class Quoted(str):
    """Text that may stand in the page as it is."""

    __slots__ = ()


def clean(value: object) -> str:
    """The value as text without line ends, control characters or broken Unicode. Raises UsageError."""
    text = str(value)
    if CONTROL.search(text):
        what = f"{text!r} holds a line end or a control character"
        raise UsageError(what, where="Dockerfile", fix="write it without, in one line")
    return text


def sh(value: object) -> Quoted:
    """One word of a shell command."""
    return Quoted(shlex.quote(clean(value)))


def dq(value: object) -> Quoted:
    """A double-quoted value of ENV or LABEL, in which BuildKit expands nothing."""
    return Quoted('"' + re.sub(r'(["\\$])', r"\\\1", clean(value)) + '"')


def array(values: Sequence[object]) -> Quoted:
    """The exec form of CMD and ENTRYPOINT: a JSON array, which nothing expands."""
    return Quoted(json.dumps([clean(value) for value in values]))


def copy_array(values: Sequence[object]) -> Quoted:
    """The JSON array of COPY. Unlike CMD's it is expanded, so BuildKit's own escapes stand below JSON's."""
    return Quoted(json.dumps([re.sub(r"([\"'\\$])", r"\\\1", clean(value)) for value in values]))


def path(value: object) -> Quoted:
    """A path after WORKDIR: bare where it can be, for the reader's sake."""
    return Quoted(str(value)) if WORD.fullmatch(str(value)) else dq(value)


def comment(value: object) -> Quoted:
    """Text inside a comment line."""
    return Quoted(clean(value))


def word(value: object) -> Quoted:
    """A reference, path or number that needs no quotes anywhere. Raises UsageError for anything else."""
    return _matching(WORD, value, "is not a plain word")


def key(value: object) -> Quoted:
    """The name of an environment variable."""
    return _matching(KEY, value, "cannot name an environment variable")


def label(value: object) -> Quoted:
    """The name of a label."""
    return _matching(LABEL, value, "cannot name a label")


def as_is(value: object) -> Quoted:
    """What a macro made of quoted parts, or a snippet that its user wrote as Dockerfile text."""
    return Quoted(value)


def _matching(pattern: re.Pattern[str], value: object, what: str) -> Quoted:
    text = str(value)
    if not pattern.fullmatch(text):
        raise UsageError(f"{text!r} {what}", where="Dockerfile", fix="use letters, digits and . _ - /")
    return Quoted(text)


FILTERS = {
    "sh": sh,
    "dq": dq,
    "array": array,
    "copy_array": copy_array,
    "comment": comment,
    "path": path,
    "word": word,
    "key": key,
    "label": label,
    "as_is": as_is,
}


def only_quoted(value: Any) -> Any:
    """Jinja's `finalize`: refuse to print what went through no filter."""
    if isinstance(value, Quoted):
        return value
    raise TypeError(f"a template prints {value!r} without one of the filters {', '.join(FILTERS)}")
