"""What is behind, as text: a head line for each lock, its installer and base, and its packages as columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from builder.lock.outdated.model import BaseRow, EnvironmentRows, InstallerRow, Outdated, PackageRow
from builder.report.changes import in_words
from builder.report.columns import table
from builder.report.plain import one_line
from builder.report.size import human_size

_HEADERS = ("PACKAGE", "FROM", "LOCKED", "UPDATE", "NEWEST", "HELD BACK BY")
_INDENT = "  "
_NAMES = 11  # columns of what a line is about
_DIGEST = len("sha256:") + 12


def outdated_text(rows: Sequence[Outdated], *, color: bool, width: int) -> str:
    """All of them; what is the same for another platform of the image is named, not repeated."""
    lines: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        lines.append(folded(f"{row.image} {row.platform}: {_head(row)}", width))
        body = _body(row, color=color, width=width)
        if body:
            key = (row.image, body)
            lines.append(f"{_INDENT}the same as for {seen[key]}" if key in seen else body)
            seen.setdefault(key, row.platform)
    return "\n".join(lines)


def _head(row: Outdated) -> str:
    total = sum(one.total for one in row.environments)
    if row.status == "missing":
        return f"{row.trouble}: {row.fix}"
    if row.trouble:
        return "what an update would bring is not known"
    if row.status == "current":
        return f"nothing newer, {total} packages"
    if row.update is None or row.update.empty:
        return f"`{_way(row)}` would bring nothing, {total} packages"
    unknown = f" without {row.fetch_unknown} of unknown size" if row.fetch_unknown else ""
    fetch = f"{human_size(row.fetch)} to fetch{unknown}"
    return f"`{_way(row)}` would bring: {in_words(row.update)}; {fetch}"


def _way(row: Outdated) -> str:
    """The command that updates. A kit is not changed, but made anew."""
    return f"imgbuild kit bootstrap DIR {row.image}" if row.kit else f"imgbuild lock {row.image} --upgrade"


def _body(row: Outdated, *, color: bool, width: int) -> str:
    told = [("stale", line) for line in row.stale]
    told += [("installer", _installer(row.installer))] if row.installer and _telling(row.installer) else []
    told += [("base", _base(row.base))] if row.base and (row.base.behind or row.base.trouble) else []
    told += [("note", note) for note in row.notes]
    if row.trouble and row.status != "missing":
        told.append(("trouble", f"{row.trouble}; {row.fix}" if row.fix else row.trouble))
    lines = [folded(f"{_INDENT}{name:<{_NAMES}}{text}", width, _INDENT + " " * _NAMES) for name, text in told]
    several = len(row.environments) > 1
    cells = [cell for one in row.environments for cell in _packages(one, several=several)]
    return "\n".join([*lines, *([table(_HEADERS, cells, color=color, width=width)] if cells else [])])


def _telling(row: InstallerRow) -> bool:
    return row.behind or bool(row.trouble)


def _installer(row: InstallerRow) -> str:
    if row.trouble:
        return f"{row.kind} {row.locked}; {row.trouble}"
    held = f", held back by {row.held_by[0]}" if row.held_by else ""
    return f"{row.kind} {row.locked} -> {row.newest}{held}"


def _base(row: BaseRow) -> str:
    locked = row.locked[:_DIGEST] or "no digest"
    if row.trouble:
        return f"{row.ref} {locked}; {row.trouble}"
    now = row.now[:_DIGEST] if row.now.startswith("sha256:") else row.now
    pull = f", {human_size(row.size)} to pull" if row.size else ""
    return f"{row.ref} {locked} -> {now}{pull}"


def _packages(one: EnvironmentRows, *, several: bool) -> Iterator[list[str]]:
    for row in one.packages:
        manager = f"{row.manager} ({one.name})" if several else row.manager
        yield [row.name, manager, row.locked, _update(row), row.newest, _held(row)]


def _update(row: PackageRow) -> str:
    if row.rebuilt:
        return f"{row.allowed} rebuilt"
    return row.allowed or "goes"


def _held(row: PackageRow) -> str:
    if row.held_by:
        return "; ".join(map(str, row.held_by))
    return "" if row.newest == row.allowed else "the rest of the set"


def folded(text: str, width: int, indent: str = "    ") -> str:
    """A sentence in as many lines as it takes."""
    lines = textwrap.wrap(
        one_line(text), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)
