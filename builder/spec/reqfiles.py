"""requirements.txt as pip reads it: comments, lines that go on, `-r` and `-c`; each line with its place."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from builder.problems import Problem
from builder.spec.document import bad_character, printable
from builder.spec.fault import Fault
from builder.spec.piplines import check_pip, included, needless

MAX_BYTES = 1 << 20
MAX_FILES = 50
MAX_LINES = 5000

# PowerShell's `>` writes UTF-16, and pip reads it by its mark. The longer marks come first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_HASH = re.compile(r"\s+--hash[=\s]\s*\S+")

Find = Callable[[Path, str], Path]


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement, checked. file: how messages name the file; line and column from 1; key: in YAML, its path."""

    text: str
    path: Path
    file: str
    line: int
    column: int
    key: str = ""

    def problem(self, what: str, fix: str = "", *, warning: bool = False) -> Problem:
        """A problem at this line."""
        return Problem(self.file, self.line, self.column, self.key, what, fix, warning)


@dataclass(slots=True)
class Requirements:
    """What one file and those it includes ask for. limits: lines of constraints. problems holds warnings as well."""

    lines: list[Line] = field(default_factory=list)
    limits: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: set[tuple[str, bool]] = field(default_factory=set)


def beside(path: Path, name: str) -> Path:
    """The file that a line of `path` includes; raises Fault. For files that a person names on the command line."""
    found = path.parent / name
    if not found.is_file():
        raise Fault(f"`{name}` is not there", "mend the name, or remove the line")
    return found


def read_requirements(
    path: Path, label: str, find: Find = beside, *, text: str | None = None
) -> Requirements:
    """Read a file with all that it includes. Nothing is raised: what is wrong stands in `problems`.

    find: from the file that includes and the name it says to the file to read; raises Fault. text: the content, where
    it is known already.
    """
    found = Requirements()
    read_into(found, path, label, find, text=text)
    return found


def read_into(
    found: Requirements,
    path: Path,
    label: str,
    find: Find = beside,
    *,
    limits: bool = False,
    text: str | None = None,
) -> None:
    """As `read_requirements`, into what was found before. limits: the file holds constraints."""
    key = (os.path.realpath(path), limits)
    if key in found.files:  # a circle, or included twice: its lines are here already
        return
    found.files.add(key)
    if text is None:
        text = None if len(found.files) > MAX_FILES else decoded(path, label, found.problems)
    if text is None:
        return
    for one in _logical(text, path, label):
        if len(found.lines) + len(found.limits) >= MAX_LINES:
            found.problems.append(one.problem("is one line too many", f"at most {MAX_LINES} are read"))
            return
        _take(found, one, find, limits=limits)


def decoded(path: Path, label: str, problems: list[Problem]) -> str | None:
    """The text of a file by its byte order mark, UTF-8 without one; None, with a problem, where there is none."""
    try:
        if not path.is_file():
            problems.append(Problem(label, 0, 0, "", "is not a regular file", "make it a file"))
            return None
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        problems.append(Problem(label, 0, 0, "", f"cannot be read: {said}", "make it readable"))
        return None
    if len(raw) > MAX_BYTES:
        problems.append(Problem(label, 0, 0, "", "is larger than 1 MiB", "this is no list of packages"))
        return None
    return decode(raw, label, problems)


def decode(raw: bytes, label: str, problems: list[Problem]) -> str | None:
    """Bytes as text, by their byte order mark; None, with a problem, for what is none."""
    coding = next((coding for mark, coding in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(coding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(coding, errors="replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        problems.append(Problem(label, line, column, "", f"is not {coding.upper()}", "save it as UTF-8"))
        return None


def _logical(text: str, path: Path, label: str) -> Iterator[Line]:
    """Lines without comments, joined where a backslash ends them."""
    parts: list[str] = []
    start = (0, 0)
    for number, raw in enumerate([*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""], 1):
        commented = raw.lstrip().startswith("#")
        goes_on = raw.endswith("\\") and not commented
        content = _COMMENT.sub("", raw[:-1] if goes_on else raw)
        if not parts:
            start = (number, len(content) - len(content.lstrip()) + 1)
        parts.append(content)
        if not goes_on:
            joined = "".join(parts).strip()
            parts = []
            if joined:
                yield Line(joined, path, label, *start)


def _take(found: Requirements, one: Line, find: Find, *, limits: bool) -> None:
    text = _HASH.sub("", one.text)
    if text != one.text:
        what = "its hashes are not carried over"
        fix = "nothing to do: the lock holds the sha256 of every wheel"
        found.problems.append(one.problem(what, fix, warning=True))
    if fault := _fault(text):
        shown = fault.what if fault.private else f"`{printable(text)}` {fault.what}"
        found.problems.append(one.problem(shown, fault.fix))
    elif why := needless(text):
        found.problems.append(one.problem("is left out", f"nothing to do: {why}", warning=True))
    elif include := included(text):
        _include(found, one, include[1], find, limits=limits or include[0] == "constraints")
    else:
        kept = Line(text, one.path, one.file, one.line, one.column)
        (found.limits if limits else found.lines).append(kept)


def _fault(text: str) -> Fault | None:
    if char := bad_character(text):
        return Fault(f"holds the control character U+{ord(char):04X}", "remove it", private=True)
    if _VARIABLE.search(text):
        return Fault(
            "takes `${...}` from the environment", "write it out; a secret does not belong here", private=True
        )
    if len(text) > 500:
        return Fault("is too long for a requirement", "use at most 500 characters", private=True)
    try:
        check_pip(text)
    except Fault as fault:
        return fault
    return None


def _include(found: Requirements, one: Line, name: str, find: Find, *, limits: bool) -> None:
    try:
        path = find(one.path, name)
    except (Fault, OSError, ValueError) as error:
        what, fix = (
            (error.what, error.fix) if isinstance(error, Fault) else ("cannot be read", "mend the name")
        )
        found.problems.append(one.problem(what, fix))
        return
    label = os.path.normpath(os.path.join(os.path.dirname(one.file), name))  # noqa: PTH118, PTH120  (text for people)
    read_into(found, path, label, find, limits=limits)
