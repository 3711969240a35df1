"""Tables are read anew, held against their floor, and written: all of those that were asked for, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from builder.data.rows import Row
from builder.errors import BuildError, LockError, UsageError
from builder.lock.atomic import write_all
from builder.lock.uv import index_of
from builder.network.offline import refuse_offline
from builder.network.session import Session
from builder.progress import Observer
from builder.settings.model import Settings
from builder.settings.patience import Policy, read_policy
from builder.store.pages import page_at
from builder.store.simple import IndexFile, files_of
from builder.workflow.refresh.installers import InstallerTable
from builder.workflow.refresh.model import Change, Context, Reading, Refreshed, Rows, Table
from builder.workflow.refresh.toolkits import ToolkitTable
from builder.workflow.refresh.torch import TorchTable

TABLES: tuple[Table, ...] = (ToolkitTable(), TorchTable(), InstallerTable())
"""What can be refreshed, in this order: a build of torch may need the line that a person just added."""
BY_HAND = {
    "gpus": "developer.nvidia.com/cuda-gpus",
    "drivers": "the release notes of CUDA (driver and floor of toolkits.yml, builder/gpu/drivers.py)",
    "compilers": "what each project says of the GPUs that it supports",
    "bases": "envs/_bases.yml of the project names tags; `imgbuild lock --upgrade` asks for their digests",
}
"""Tables that no index tells, with where a person reads them."""


@dataclass
class WheelIndex:
    """The package index of this machine, as uv is configured, or as the settings have it (arguments for uv)."""

    words: Sequence[str]
    policy: Policy

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """Every file of a project."""
        refuse_offline(f"the package index ({project})")
        with tempfile.TemporaryDirectory(prefix="imgbuild-data-") as folder:
            url = _url(project, self.words, Path(folder))
        with self.session() as session:
            return files_of(session, url, project, self.policy)

    def session(self) -> Session:
        """A session of the asking thread."""
        return Session()


def _url(project: str, words: Sequence[str], folder: Path) -> str:
    try:
        return index_of(project, index=words, folder=folder)
    except LockError as error:  # no lock is made here
        raise BuildError(error.what, where=error.where, fix=error.fix, detail=error.detail) from error


def refresh(
    names: Sequence[str],
    folder: Path,
    words: Sequence[str],
    observer: Observer,
    *,
    settings: Settings | None = None,
    check: bool,
    today: date | None = None,
) -> tuple[Refreshed, ...]:
    """Read tables anew; names: empty means all that can be.

    folder: where the tables lie. words: arguments for uv that name an index. settings: its mirrors answer for
    other sites. check: nothing is written. Raises
    UsageError for a table that cannot be refreshed, BuildError with every row that the floor refuses; then, as after
    any other fault, every file is as it was.
    """
    tables = _named(names)
    wanted = {file for table in tables for file in (table.file, *table.beside)}
    read = [table for table in TABLES if table.file in wanted]
    texts = {table.file: _text(folder / table.file) for table in read}
    rows = {table.file: _rows(table, texts[table.file], folder / table.file) for table in read}
    held = {table.file: _own(table, rows[table.file]) for table in read}
    day = today or datetime.now(timezone.utc).date()
    index = WheelIndex(words, read_policy())
    page = partial(_page, settings or Settings(), index)
    context = Context(index, page, day, observer, held)
    readings = [(table, table.read(context)) for table in tables]
    faults = [fault for table, one in readings for fault in table.faults(held[table.file], one.rows, context)]
    if faults:
        raise _refusal(faults)
    answers: list[Refreshed] = []
    written: dict[str, bytes] = {}
    for table, reading in readings:
        answer, text = _compared(table, texts[table.file], rows[table.file], reading)
        answers.append(answer)
        if answer.changes:
            written[table.file] = text.encode()
    if written and not check:
        _write(folder, written)
    return tuple(answers)


def _named(names: Sequence[str]) -> list[Table]:
    for name in names:
        if name in BY_HAND:
            what = f"{name} cannot be refreshed: no index tells it"
            raise UsageError(what, fix=f"a person edits it; its source is {BY_HAND[name]}")
        if name not in {table.name for table in TABLES}:
            *others, last = [table.name for table in TABLES]
            known = f"{', '.join(others)} and {last}"
            raise UsageError(f"there is no table {name!r} to refresh", fix=f"there are {known}")
    return [table for table in TABLES if not names or table.name in names]


def _page(settings: Settings, index: WheelIndex, url: str, what: str) -> str | None:
    refuse_offline(what)
    with index.session() as session:
        found = page_at(session, settings.address(url), what, index.policy)
    return found.text if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is no UTF-8 text"
        raise UsageError(
            f"a table cannot be read: {reason}", where=str(path), fix="check --tables"
        ) from error


def _rows(table: Table, text: str, path: Path) -> dict[int, Row]:
    try:
        return table.form.read(text)
    except ValueError as error:  # YAML's own faults are among them
        raise UsageError("a table is not as it was written", where=str(path), fix=str(error)) from error


def _own(table: Table, rows: dict[int, Row]) -> Rows:
    return {key: row for row in rows.values() if (key := table.key(row)) is not None}


def _compared(table: Table, text: str, rows: dict[int, Row], reading: Reading) -> tuple[Refreshed, str]:
    """What changes, and the file with it. Rows whose facts are as before keep their line, source and all."""
    at = {key: number for number, row in rows.items() if (key := table.key(row)) is not None}
    changes: list[Change] = []
    replaced: dict[int, Row] = {}
    added: list[tuple[int, Row]] = []
    for key, row in reading.rows.items():
        old = rows[at[key]].fields if key in at else {}
        facts = {
            name: (_said(old.get(name)), _said(row.fields.get(name)))
            for name in table.facts
            if old.get(name) != row.fields.get(name)
        }
        if not facts:
            continue
        changes.append(Change(row=key, new=key not in at, facts=facts))
        if key in at:
            replaced[at[key]] = row
        else:
            before = [number for number, one in rows.items() if table.order(one) <= table.order(row)]
            added.append((max(before, default=-1), row))
    answer = Refreshed(
        table=table.name,
        file=table.file,
        changes=tuple(changes),
        unchanged=len(reading.rows) - len(changes),
        needs=reading.needs,
    )
    return answer, table.form.write(text, replaced, added)


def _said(value: Any) -> str:
    return " ".join(value) if isinstance(value, list | tuple) else str(value or "")


def _refusal(faults: Sequence[str]) -> BuildError:
    some = f"{len(faults)} reasons" if len(faults) > 1 else "a reason"
    return BuildError(
        f"the tables are left as they are: what was read gives {some} to doubt it",
        fix="ask again, or another index; if it is true, edit the rows by hand",
        detail="\n".join(faults),
    )


def _write(folder: Path, texts: dict[str, bytes]) -> None:
    try:
        write_all(folder, texts)
    except LockError as error:
        what = error.what.replace("the lock", "the tables")
        raise BuildError(
            what, where=error.where, fix=f"{error.fix}, or name another one with --tables"
        ) from error
