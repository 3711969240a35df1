"""What a table has to say to be refreshed, and what a refresh answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol, TypeAlias

from builder.data.rows import Row, read_rows, write_rows
from builder.network.session import Session
from builder.progress import Observer
from builder.settings.patience import Policy
from builder.store.simple import IndexFile
from builder.values import Value

Rows: TypeAlias = Mapping[str, Row]


class Form(NamedTuple):
    """How a table is written: its rows by line, and the text with lines replaced and added."""

    read: Callable[[str], dict[int, Row]]
    write: Callable[[str, Mapping[int, Row], Sequence[tuple[int, Row]]], str]


YAML = Form(read_rows, write_rows)


class Index(Protocol):
    """Where rows are read: a package index."""

    @property
    def policy(self) -> Policy:
        """How patient the machine is."""

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """Every file of a project. Raises BuildError or LockError."""

    def session(self) -> Session:
        """A session of the asking thread."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read anew. rows: by key; needs: what only a person can add, one sentence each."""

    rows: Rows
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a table reads with. held: the rows of tables, by file and key.

    page: the text of a canonical URL, by its name in messages; None where there is none. Raises BuildError.
    """

    index: Index
    page: Callable[[str, str], str | None]
    today: date
    observer: Observer
    held: Mapping[str, Rows] = field(default_factory=dict)


class Table(Protocol):
    """A table that can be read anew. Rows that are not its own (key is None) are left as they are.

    Fields that are not among its facts say where and when a row was read, or are a person's: they change along with
    the facts, or never.
    """

    @property
    def name(self) -> str:
        """As it is called on the command line."""

    @property
    def file(self) -> str:
        """Its file among the tables."""

    @property
    def form(self) -> Form:
        """How it is written."""

    @property
    def beside(self) -> tuple[str, ...]:
        """Files of the other tables that it is held against."""

    @property
    def facts(self) -> tuple[str, ...]:
        """The fields that are compared."""

    def key(self, row: Row) -> str | None:
        """What tells its rows apart, as people would name the row; None for a row that is edited by a person."""

    def order(self, row: Row) -> tuple[object, ...]:
        """Where it stands among all rows."""

    def read(self, context: Context) -> Reading:
        """All rows that can be read now. Raises BuildError."""

    def faults(self, known: Rows, found: Rows, context: Context) -> Iterator[str]:
        """Why what was found may not be written, with the row in each sentence: the sanity floor."""


class Change(Value):
    """A row that came or changed. facts: by field, [before, now]; before is empty for a new row."""

    row: str
    new: bool
    facts: dict[str, tuple[str, str]]

    def __str__(self) -> str:
        said = ", ".join(f"{name} {new}" if self.new else f"{name} {old or '-'} -> {new or '-'}"
                         for name, (old, new) in self.facts.items())  # fmt: skip
        return f"{'+' if self.new else '~'} {self.row}: {said}"


class Refreshed(Value):
    """One table. needs: what a person has to add; unchanged: how many rows were read and are as before."""

    table: str
    file: str
    changes: tuple[Change, ...]
    unchanged: int
    needs: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether anything is to be done, by the command or by a person."""
        return bool(self.changes or self.needs)
