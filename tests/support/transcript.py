"""Pages that show a shell at work: their commands are run, and what they print is held against what the page shows.

A session is an indented block with lines that begin with `$ `; `> ` goes on with a command, and what follows up to the
next `$ ` is its output. A line `...` stands for any lines. A command without output on the page may print what it
likes. Every command must end with 0, but for one that is followed by `echo $?`.
"""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

INDENT = "    "
LONGEST = 900  # seconds for one command

# What differs from machine to machine and from day to day; words and their order do not.
_VARYING = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r"\b[0-9a-f]{7,64}\b"), "HEX"),
    (re.compile(r"\bcached\b"), "N s"),
    (re.compile(r"\b\d+ min \d+ s\b"), "N s"),
    (re.compile(r"\d+(?:[.,:-]\d+)*"), "N"),
    (re.compile(r"\b[kMG]B\b"), "B"),
    (re.compile(r"-{2,}"), "--"),
    (re.compile(r"\s+"), " "),
)
# Downloads that the store has and packages that the engine has are not brought again.
_ONLY_ONCE = re.compile(r"^(fetch|import) ")


@dataclass(frozen=True)
class Step:
    """A command of a page, what the page says that it prints, and where. first, last: its output's lines, from 0."""

    command: str
    shown: tuple[str, ...]
    first: int
    last: int


@dataclass
class Shell:
    """One bash for all steps of a page, so that `cd`, variables and `$?` are as for a reader.

    words: what stands in the page, and what it is here.
    """

    home: Path
    environ: Mapping[str, str]
    words: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Shell:
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=self.home,
            env=dict(self.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def run(self, command: str, before: int = 0) -> tuple[int, list[str]]:
        """The exit code of a command, and the lines that it printed; `before` is what `$?` is for it."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        script = self.home / ".step"
        script.write_text(f"(exit {before})\n{replaced(command, self.words)}\n")
        # timeout would need a process of its own, and `cd` would be lost: the test's own limit ends what hangs
        self._process.stdin.write(f". {script} </dev/null\nprintf '\\n--end-of-step %s\\n' $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith("--end-of-step "):
                if lines and not lines[-1]:
                    lines.pop()
                back = {here: there for there, here in self.words.items()}
                return int(line.split()[1]), [replaced(one, back) for one in lines]
            lines.append(line.rstrip())
        raise AssertionError(f"the shell ended in `{command}`: {lines[-20:]}")


def replaced(text: str, words: Mapping[str, str]) -> str:
    """The text with each word in its other form."""
    for word, other in words.items():
        text = text.replace(word, other)
    return text


def steps(page: str) -> Iterator[Step]:
    """The commands of a page, in order."""
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].startswith(f"{INDENT}$ "):
            at += 1
            continue
        words = [lines[at].removeprefix(f"{INDENT}$ ")]
        at += 1
        while at < len(lines) and lines[at].startswith(f"{INDENT}>"):
            words.append(lines[at].removeprefix(f"{INDENT}>").removeprefix(" "))
            at += 1
        first = at
        while at < len(lines) and _is_output(lines, at):
            at += 1
        yield Step("\n".join(words), tuple(one[len(INDENT) :] for one in lines[first:at]), first, at)


def _is_output(lines: list[str], at: int) -> bool:
    """Whether this line belongs to a block, and is no command; an empty one does when the block goes on after it."""
    if lines[at]:
        return lines[at].startswith(INDENT) and not lines[at].startswith(f"{INDENT}$ ")
    later = next((one for one in lines[at:] if one), "")
    return later.startswith(INDENT) and not later.startswith(f"{INDENT}$ ")


def spoken(lines: list[str] | tuple[str, ...]) -> list[str]:
    """What lines say, without what differs from machine to machine."""
    said: list[str] = []
    for line in lines:
        words = line
        for pattern, word in _VARYING:
            words = pattern.sub(word, words)
        if words.strip() and not _ONLY_ONCE.match(words):
            said.append(words.strip())
    return said


def is_as_shown(printed: list[str], shown: tuple[str, ...]) -> bool:
    """Whether a command printed what the page shows. A line that is a number alone, as of `echo $?`, is that number."""
    if len(shown) == 1 and shown[0].isdecimal():
        return printed == list(shown)
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in spoken(shown))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in spoken(printed))) is not None


def difference(printed: list[str], shown: tuple[str, ...]) -> str:
    """Where they part, for a reader."""
    return "\n".join(difflib.unified_diff(spoken(shown), spoken(printed), "the page", "printed", lineterm=""))


def played(page: Path, shell: Shell, accept: bool = False) -> list[str]:
    """Run all commands of a page; what went otherwise than it says. accept: write into the page what was printed."""
    text = page.read_text()
    found, code, fresh = [], 0, text.splitlines()
    todo = list(steps(text))
    printed: list[list[str]] = []
    for step, after in zip(todo, [*todo[1:], None], strict=True):
        code, lines = shell.run(step.command, code)
        printed.append(lines)
        if code and (after is None or after.command != "echo $?"):
            found.append(f"`{step.command}` ended with {code}: {chr(10).join(lines[-30:])}")
            break
        if step.shown and not is_as_shown(lines, step.shown):
            found.append(f"`{step.command}` prints something else:\n{difference(lines, step.shown)}")
    if accept:
        for step, lines in reversed(list(zip(todo, printed, strict=False))):
            if step.shown and not is_as_shown(lines, step.shown):
                fresh[step.first : step.last] = [f"{INDENT}{one}".rstrip() for one in lines]
        page.write_text("\n".join(fresh) + "\n")
    return found
