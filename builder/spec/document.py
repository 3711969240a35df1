"""YAML as plain data with the place of every key and value, read so that no file can do harm or surprise.

What differs from a plain YAML load, on purpose: words and numbers that YAML 1.1 and 1.2 read differently
(`no`, `3.10`, `0x1f`, `1:30`, dates) stay as `Odd` with their exact text, so that whoever wants a value can
ask for quotes; duplicate keys, aliases, merge keys and tags are problems; depth and size have limits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from builder.problems import Problem

Keys = tuple[str | int, ...]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 20_000

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_ODD = {
    "boolean": re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"),
    "date": re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"),
    "number": re.compile(
        r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[oO]?[0-7_]+|[-+]?0[bB][01_]+"
        r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    ),
}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Odd:
    """A plain word that YAML readers do not agree on. kind is `number`, `boolean` or `date`."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands (from 1), where its key stands, and the text of a scalar."""

    line: int
    column: int
    key_line: int
    key_column: int
    text: str | None = None


@dataclass(slots=True)
class Document:
    """One file as read. file is how messages name it; broken: it could not be read, and data is {}."""

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False

    def problem(
        self, keys: Keys, what: str, fix: str = "", *, key: bool = False, warning: bool = False
    ) -> Problem:
        """A problem at a key path; at the nearest thing around it where the path is not written."""
        place = next(
            (self.places[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self.places), None
        )
        line, column = (1, 1) if place is None else (place.line, place.column)
        if place is not None and key:
            line, column = place.key_line, place.key_column
        return Problem(self.file, line, column, dotted(keys), what, fix, warning)


def dotted(keys: Keys) -> str:
    """`smoke[2].timeout`, safe to print."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{printable(key)}" for key in keys)
    return "".join(parts).removeprefix(".")


def bad_character(text: str) -> str | None:
    """The first character that no value may hold: control, line break, lone surrogate, direction override."""
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in _BIDI:
            return char
    return None


def printable(text: str, limit: int = 80) -> str:
    """Text for a message: no control characters, not longer than limit."""
    clean = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def read_document(path: Path, label: str) -> Document:
    """Read one YAML file whose top is keys and values; faults stand in `problems`, none is raised."""
    document = Document(label)
    text = text_of(path, document)
    if text is not None:
        parse_text(text, document)
    return document


def parse_text(text: str, document: Document) -> None:
    """Fill the document from YAML text."""
    builder = _Builder(document)
    try:
        builder.build(yaml.parse(text, Loader=_LOADER))
    except _StopReading as stop:
        _break(document, stop.problem)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        fix = "indent with spaces, not with tabs" if line and _tab_near(text, line) else "mend the YAML"
        _break(document, Problem(document.file, line, column, "", f"is not YAML: {_said(error)}", fix))
    except yaml.YAMLError as error:
        said = printable(str(error).replace("\n", " "))
        _break(document, Problem(document.file, 0, 0, "", f"is not YAML: {said}", "mend the YAML"))


def _said(error: yaml.MarkedYAMLError) -> str:
    return printable(", ".join(part for part in (error.context, error.problem) if part), 200)


def _tab_near(text: str, line: int) -> bool:
    lines = text.splitlines()
    return any(re.match(r"\s*\t", part) for part in lines[max(0, line - 2) : line])


def _break(document: Document, problem: Problem) -> None:
    document.broken = True
    document.data = {}
    document.problems.append(problem)


def text_of(path: Path, document: Document) -> str | None:
    """The file's text without its BOM; None, with a problem in the document, where there is none to read."""
    try:
        if not path.is_file():  # a pipe or a device would hang, or never end
            _break(document, Problem(document.file, 0, 0, "", "is not a regular file", "make it a file"))
            return None
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        said = error.strerror or type(error).__name__
        _break(document, Problem(document.file, 0, 0, "", f"cannot be read: {said}", "make it readable"))
        return None
    if len(raw) > MAX_BYTES:
        _break(document, Problem(document.file, 0, 0, "", "is larger than 1 MiB", "this is no definition"))
        return None
    return checked_text(raw, document)


def checked_text(raw: bytes, document: Document) -> str | None:
    """UTF-8 without its BOM and without control characters; None, with a problem in the document."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(raw[: error.start].decode("utf-8-sig", errors="replace"))
        _break(document, Problem(document.file, line, column, "", "is not UTF-8", "save it as UTF-8"))
        return None
    for at, char in enumerate(text):
        if char not in "\t\n\r" and bad_character(char) and char not in "\x85\u2028\u2029":
            line, column = _position(text[:at])
            what = f"holds the control character U+{ord(char):04X}"
            _break(document, Problem(document.file, line, column, "", what, "remove it"))
            return None
    return text


def _position(before: str) -> tuple[int, int]:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines), len(lines[-1]) + 1


class _StopReading(Exception):  # noqa: N818  (not an error: how deep recursion gives up)
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Builder:
    """From YAML events to data and places."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0

    def build(self, events: Iterator[Any]) -> None:
        kept = (
            event for event in events if not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent)
        )
        first = next(kept, None)
        if first is None:
            return
        data = self._value(next(kept), kept, (), 0, None)
        next(kept)  # the end of the document
        second = next(kept, None)
        if second is not None:
            raise self._stop(second, "has a second document", "keep one document a file")
        if data is None:
            return
        if not isinstance(data, dict):
            raise self._stop(first, "is not keys and values", "write `key: value` lines")
        self.document.data = data

    def _stop(self, event: Any, what: str, fix: str, keys: Keys = ()) -> _StopReading:
        mark = event.start_mark
        return _StopReading(
            Problem(self.document.file, mark.line + 1, mark.column + 1, dotted(keys), what, fix)
        )

    def _fault(self, event: Any, keys: Keys, what: str, fix: str) -> None:
        self.document.problems.append(self._stop(event, what, fix, keys).problem)

    def _value(self, event: Any, events: Iterator[Any], keys: Keys, depth: int, key_mark: Any) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise self._stop(event, "is nested too deep or holds too much", "this is no definition", keys[:3])
        mark = event.start_mark
        key = key_mark or mark
        text = event.value if isinstance(event, yaml.ScalarEvent) else None
        self.document.places[keys] = Place(mark.line + 1, mark.column + 1, key.line + 1, key.column + 1, text)
        if isinstance(event, yaml.AliasEvent):
            self._fault(
                event, keys, f"`*{event.anchor}` is an alias, which is not read here", "write the value out"
            )
            return None
        tag_known = event.tag in {
            None,
            "!",
            "tag:yaml.org,2002:str",
            "tag:yaml.org,2002:map",
            "tag:yaml.org,2002:seq",
        }
        if not tag_known:
            self._fault(event, keys, f"the tag `{printable(event.tag)}` is not read here", "remove the tag")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, keys, depth)
        return self._mapping(events, keys, depth)

    def _list(self, events: Iterator[Any], keys: Keys, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*keys, len(items)), depth + 1, None))
        return items

    def _mapping(self, events: Iterator[Any], keys: Keys, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._stop(
                    event, "a key is a list, a mapping or an alias", "write a plain word as key", keys
                )
            name = event.value
            path = (*keys, name)
            if name == "<<" and event.implicit[0]:
                self._fault(event, path, "merge keys are not read here", "write the keys out")
            if name not in found:
                found[name] = self._value(next(events), events, path, depth + 1, event.start_mark)
                continue
            first = self.document.places[path].key_line
            self._fault(event, path, f"stands here twice, first in line {first}", "keep one of them")
            self._skip(next(events), events, path, depth + 1)
        found.pop("<<", None)
        return found

    def _skip(self, event: Any, events: Iterator[Any], keys: Keys, depth: int) -> None:
        kept = dict(self.document.places)
        self._value(event, events, keys, depth, None)
        self.document.places = kept


def _scalar(event: yaml.ScalarEvent) -> Any:
    """None, bool, int, str or Odd."""
    text: str = event.value
    if event.tag is not None or not event.implicit[0]:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    return next((Odd(text, kind) for kind, pattern in _ODD.items() if pattern.fullmatch(text)), text)
