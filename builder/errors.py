"""Every error a user can meet, as one tree; each kind knows its exit code.

    ImgbuildError
    |-- UsageError        2   wrong arguments
    |   `-- DefinitionError   problems in environment.yml, image.yml, _bases.yml (all of them at once)
    |-- LockError         3   missing, stale or unreadable lock; nothing satisfies it
    |-- EngineError       4   no engine, no permission, too old, gone away
    |-- BuildError        5   a fetch, import or build step failed
    |-- ProofError        6   smoke test or audit did not pass
    `-- PublishError      7   push or verify failed
        `-- RegistryError     a registry cannot be asked, or does not give what was asked for

Code below the command line raises these and never exits or prints; `builder.cli.boundary` is the one place that
turns them into text or JSON and an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from builder.problems import Problem


class ImgbuildError(Exception):
    """Something a person can act on.

    what: the fault in one sentence. where: the file, URL, image or step it was seen at. fix: what to do next.
    detail: longer material (a log tail, a solver's reason), shown below the sentence.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, where: str = "", fix: str = "", detail: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix
        self.detail = detail

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f"; {self.fix}" if self.fix else ""
        return f"{place}{self.what}{mend}"


class UsageError(ImgbuildError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class DefinitionError(UsageError):
    """Problems in the files a user writes, all of them at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the definitions")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class LockError(ImgbuildError):
    """A lock is missing, stale, unreadable, or cannot be made."""

    exit_code = 3


class EngineError(ImgbuildError):
    """The container engine cannot be reached or cannot do what is asked."""

    exit_code = 4


class BuildError(ImgbuildError):
    """Fetching, importing or building failed."""

    exit_code = 5


class ProofError(ImgbuildError):
    """The image was built, and was not proven."""

    exit_code = 6


class PublishError(ImgbuildError):
    """Pushing or verifying failed."""

    exit_code = 7


RegistryFault: TypeAlias = Literal[
    "address", "unreachable", "untrusted", "denied", "missing", "busy", "full", "broken", "platform"
]


class RegistryError(PublishError):
    """A registry cannot be asked, or does not give what was asked for.

    kind: `address` nobody knows the host; `unreachable` nothing answers there, or not in time; `untrusted` nobody
    vouches for its certificate; `denied` it wants other credentials; `missing` it has no such image; `busy` it asks to
    be left alone, or failed itself (429, 5xx); `full` it has no room left; `broken` its answer is none, or not true;
    `platform` not made for this one.
    """

    def __init__(
        self, kind: RegistryFault, what: str, *, where: str = "", fix: str = "", detail: str = ""
    ) -> None:
        super().__init__(what, where=where, fix=fix, detail=detail)
        self.kind = kind
