"""The part of YAML that a .condarc uses: mappings, lists, flow lists, scalars. Anything else is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?\Z")
KEY = re.compile(r"""("[^"]*"|'[^']*'|[^\s\[\]{}"',#&*!|>%@`-][^:#]*?)\s*:(?:\s+(.*))?\Z""")
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


class YamlError(ValueError):
    """Text outside the part that is understood. The message names the line, counted from 1."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something."""

    number: int
    indent: int
    text: str


def load(text: str) -> object:
    """Read one document. Raises YamlError."""
    lines = list(_lines(text))
    if not lines:
        return None
    value, end = _block(lines, 0, lines[0].indent)
    if end != len(lines):
        raise YamlError(f"line {lines[end].number}: unexpected indentation")
    return value


def _lines(text: str) -> Iterator[Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        bare = _without_comment(raw).rstrip()
        if not bare.strip() or bare == "---":
            continue
        indent = len(bare) - len(bare.lstrip(" "))
        if bare[indent] == "\t":
            raise YamlError(f"line {number}: a tab cannot indent")
        yield Line(number, indent, bare[indent:])


def _without_comment(line: str) -> str:
    quote = ""
    for position, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (position == 0 or line[position - 1] in " [,{:"):
            quote = char
        elif char == "#" and (position == 0 or line[position - 1] in " \t"):
            return line[:position]
    return line


def _block(lines: list[Line], start: int, indent: int) -> tuple[object, int]:
    first = lines[start]
    if first.text == "-" or first.text.startswith("- "):
        return _sequence(lines, start, indent)
    if KEY.match(first.text):
        return _mapping(lines, start, indent)
    return _scalar(first.text, first.number), start + 1


def _sequence(lines: list[Line], start: int, indent: int) -> tuple[list[object], int]:
    items: list[object] = []
    at = start
    while at < len(lines) and lines[at].indent == indent and lines[at].text.startswith("-"):
        rest = lines[at].text[1:].strip()
        if KEY.match(rest):
            raise YamlError(f"line {lines[at].number}: a mapping inside a list is not understood here")
        items.append(_scalar(rest, lines[at].number))
        at += 1
    return items, at


def _mapping(lines: list[Line], start: int, indent: int) -> tuple[dict[str, object], int]:
    found: dict[str, object] = {}
    at = start
    while at < len(lines) and lines[at].indent == indent:
        match = KEY.match(lines[at].text)
        if match is None:
            raise YamlError(f"line {lines[at].number}: expected `key: value`")
        key = match[1].strip("\"'")
        if key in found:
            raise YamlError(f"line {lines[at].number}: found duplicate key {key!r}")
        if match[2]:
            found[key] = _scalar(match[2], lines[at].number)
            at += 1
        else:
            found[key], at = _nested(lines, at + 1, indent)
    return found, at


def _nested(lines: list[Line], at: int, indent: int) -> tuple[object, int]:
    """What stands below a key: deeper lines, or a list at the key's own indentation."""
    if at < len(lines) and (
        lines[at].indent > indent or (lines[at].indent == indent and lines[at].text.startswith("-"))
    ):
        return _block(lines, at, lines[at].indent)
    return None, at


def _scalar(text: str, number: int) -> object:
    if text[:1] in "[{" and text:
        return _flow(text, number)
    if text[:1] in ("'", '"'):
        if len(text) < 2 or text[-1] != text[0]:
            raise YamlError(f"line {number}: a quote is not closed")
        return json.loads(text) if text[0] == '"' else text[1:-1].replace("''", "'")
    if text[:1] and text[0] in "&*!|>%@`":
        raise YamlError(f"line {number}: {text[0]!r} is not understood here")
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if NUMBER.match(text):
        return float(text) if "." in text else int(text)
    return text


def _flow(text: str, number: int) -> object:
    closing = {"[": "]", "{": "}"}[text[0]]
    if text[-1] != closing:
        raise YamlError(f"line {number}: {closing!r} is missing")
    parts = [
        part.strip() for part in re.findall(r"""(?:[^,"']|"[^"]*"|'[^']*')+""", text[1:-1]) if part.strip()
    ]
    if closing == "]":
        return [_scalar(part, number) for part in parts]
    pairs = [KEY.match(part) for part in parts]
    if not all(pairs):
        raise YamlError(f"line {number}: expected `key: value`")
    return {pair[1].strip("\"'"): _scalar(pair[2] or "", number) for pair in pairs if pair}


def dump(value: object, indent: int = 0) -> str:
    """Write what `load` reads, as conda prints settings."""
    pad = " " * indent
    if isinstance(value, dict):
        return "".join(_dump_item(pad, str(key), item, indent) for key, item in value.items())
    if isinstance(value, list):
        return "".join(f"{pad}- {_word(item)}\n" for item in value)
    return f"{pad}{_word(value)}\n"


def _dump_item(pad: str, key: str, item: object, indent: int) -> str:
    if isinstance(item, (dict, list)) and item:
        return f"{pad}{key}:\n{dump(item, indent + 2)}"
    return f"{pad}{key}: {_word(item)}\n"


def _word(value: object) -> str:
    if value is None:
        return "null"
    if value in ([], {}):
        return json.dumps(value)
    return str(value)
