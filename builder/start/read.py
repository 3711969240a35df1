"""From a file on disk to what it asks for: decoded, its kind found, read by the reader of that kind."""

from __future__ import annotations

from pathlib import Path

from builder.errors import DefinitionError, UsageError
from builder.problems import Problem
from builder.spec.document import bad_character
from builder.spec.reqfiles import decode
from builder.start.conda_lock import read_conda_lock
from builder.start.conda_yaml import read_conda_yaml, without_faults
from builder.start.kind import kind_of
from builder.start.model import Found, Given, Kind, Wish
from builder.start.pinned import read_explicit, read_exported
from builder.start.pixi import read_pixi
from builder.start.requirements_file import read_requirements_file

MAX_BYTES = 20_000_000  # locks of large environments have some
_ROUNDS = 10


def read_given(path: Path, label: str, raw: bytes | None = None) -> Given:
    """The file as text, by its byte order mark. raw: its content, where it does not come from `path`.

    Raises UsageError for what is no readable file, DefinitionError for bytes that are no text.
    """
    if raw is None:
        raw = _bytes(path, label)
    if len(raw) > MAX_BYTES:
        raise UsageError("is larger than 20 MB", where=label, fix="this is no list of packages")
    problems: list[Problem] = []
    text = decode(raw, label, problems)
    if text is None:
        raise DefinitionError(problems)
    for number, line in enumerate(text.split("\n"), 1):
        for char in line:
            if char not in "\t\r\x85\u2028\u2029\f" and bad_character(char):
                what = f"holds the control character U+{ord(char):04X}"
                raise DefinitionError([Problem(label, number, line.index(char) + 1, "", what, "remove it")])
    return Given(path, label, text)


def _bytes(path: Path, label: str) -> bytes:
    try:
        if path.is_dir():
            raise UsageError("is a directory", where=label, fix="name the file in it")
        if not path.is_file():
            raise UsageError(
                "is not a regular file", where=label, fix="name a file that is there, or - for stdin"
            )
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot be read: {said}", where=label, fix="make it readable") from error


def read_found(given: Given, kind: Kind | None, name: str, wish: Wish, *, leave_out: bool = False) -> Found:
    """What the file asks for. kind: None finds it by the content. name: of the environment to make.

    leave_out: what cannot be honoured stands in `left` where the rest can do without it, and not in `problems`.
    Raises UsageError for a file of a kind that is not read.
    """
    chosen = kind or kind_of(given.text, given.label)
    if chosen == "environment":
        return _without_faults(given, name, wish) if leave_out else read_conda_yaml(given, name, wish)
    readers = {
        "requirements": read_requirements_file,
        "pixi": read_pixi,
        "conda-lock": read_conda_lock,
        "explicit": read_explicit,
        "list": read_exported,
    }
    found = readers[chosen](given, wish)
    if wish.platform and found.platforms and wish.platform not in found.platforms:
        what = f"is for {' and '.join(found.platforms)}, and not for {wish.platform}"
        found.problems.append(given.problem(0, what, "leave --platform out, or take a file for it"))
    if leave_out and any(draft.conda for draft in found.drafts):
        found.left = [problem for problem in found.problems if problem.line]
        found.problems = [problem for problem in found.problems if not problem.line]
    return found


def _without_faults(given: Given, name: str, wish: Wish) -> Found:
    left: list[Problem] = []
    found = read_conda_yaml(given, name, wish)
    for _ in range(_ROUNDS):
        given, gone = without_faults(given, found.problems)
        if not gone:
            break
        left += gone
        found = read_conda_yaml(given, name, wish)
    # Of an included file, what is at fault is not among its lines any more.
    included = [problem for problem in found.problems if problem.file != given.label and problem.line]
    found.problems = [problem for problem in found.problems if problem not in included]
    found.left = sorted([*left, *included])
    return found
