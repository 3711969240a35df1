"""What a test left behind, read with suspicion: the files come from inside the image."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from builder.smoke.png import SIGNATURE

RESULT = "result.json"
REGULAR = "a regular file"  # as the engine names it
MOST_RESULT_BYTES = 2**20
MOST_NUMBERS = 200
MOST_TEXT = 1000
MOST_PLOTS = 16
MOST_PLOT_BYTES = 8 * 2**20
PLOT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.png")


class BadResult(ValueError):  # noqa: N818  (reads as what it is)
    """result.json cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """numbers: what result.json holds. plots: PNG files by name. fault: why result.json cannot be used."""

    numbers: Mapping[str, float | str] = field(default_factory=dict)
    plots: Mapping[str, bytes] = field(default_factory=dict)
    fault: str = ""


def read_evidence(files: Mapping[str, bytes], *, required: bool, kind: str = "") -> Evidence:
    """Read the files of one test. Without a result.json it is a fault only when one is required.

    kind: what lies at that name. A link, a directory, a pipe, a device or a socket is always a fault: whoever
    puts one there wants something else to be read than what the test wrote.
    """
    plots = _plots(files)
    if RESULT not in files and kind:
        # The archive calls the second name of a file a link to the first.
        what = "a second name of another file (a hard link)" if kind == REGULAR else kind
        return Evidence(plots=plots, fault=f"{RESULT} is {what}, not a regular file")
    if RESULT not in files:
        return Evidence(plots=plots, fault=f"left no regular file {RESULT}" if required else "")
    try:
        return Evidence(read_numbers(files[RESULT]), plots)
    except BadResult as bad:
        return Evidence(plots=plots, fault=f"{RESULT} {bad}")


def read_numbers(data: bytes) -> dict[str, float | str]:
    """The flat JSON object of numbers and texts in `data`. Raises BadResult with the reason."""
    if len(data) > MOST_RESULT_BYTES:
        raise BadResult(f"has {len(data)} bytes, more than the {MOST_RESULT_BYTES} allowed")
    try:
        found = json.loads(data.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except BadResult:
        raise
    except (ValueError, RecursionError) as error:
        raise BadResult(f"is not JSON ({str(error)[:200]})") from None
    if not isinstance(found, dict):
        raise BadResult("is not a JSON object of numbers and texts")
    if len(found) > MOST_NUMBERS:
        raise BadResult(f"has {len(found)} entries, more than the {MOST_NUMBERS} allowed")
    return {_text(key): _number(key, value) for key, value in found.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says each thing once: of two answers, nobody could tell which one counts."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadResult(f"holds `{_text(name)[:100]}` twice")
        found[name] = value
    return found


def _refuse(constant: str) -> NoReturn:
    raise BadResult(f"holds {constant}, which is no number")


def _number(key: str, value: Any) -> float | str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (int, float)):
        raise BadResult(f"holds {_kind(value)} under `{_text(key)[:100]}`: only numbers and texts are read")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadResult(f"holds a number beyond all bounds under `{_text(key)[:100]}`")
    return number


def _kind(value: object) -> str:
    return {list: "a list", dict: "an object", type(None): "null"}.get(type(value), "something else")


def _text(value: str) -> str:
    """What cannot be written as UTF-8, or would steer a terminal, becomes `?`."""
    whole = "".join(letter if letter.isprintable() else "?" for letter in value)
    if len(whole) > MOST_TEXT:
        raise BadResult(f"holds a text of {len(whole)} characters, more than the {MOST_TEXT} allowed")
    return whole


def _plots(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """PNG files at the top of what was left, with harmless names and sizes, by name."""
    good = (
        (name, data)
        for name, data in sorted(files.items())
        if PLOT_NAME.fullmatch(name) and len(data) <= MOST_PLOT_BYTES and data.startswith(SIGNATURE)
    )
    return dict(list(good)[:MOST_PLOTS])
