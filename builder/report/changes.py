"""What changed between two locks, as columns and as one line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from builder.lock.compare import CHANGES, EnvironmentDiff, Fact, LockDiff, Package, PackageChange
from builder.report.columns import table
from builder.report.size import human_size

_HEADERS = ("CHANGE", "WHAT", "FROM", "OLD", "NEW", "TO FETCH")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN_HASH = 12  # characters of a sha256 that tell two apart at a glance


def summary(diff: LockDiff) -> str:
    """`1 added, 2 upgraded, +12 MB to fetch`; `no differences` where there are none."""
    if diff.empty:
        return "no differences"
    if not (diff.old and diff.new):
        side, size = ("new", diff.bytes.new) if diff.new else ("old", diff.bytes.old)
        return f"only the {side} side has it, {human_size(size)} to fetch{_unknown(diff)}"
    return f"{in_words(diff)}, {signed(diff.bytes.new - diff.bytes.old)} to fetch{_unknown(diff)}"


def in_words(diff: LockDiff) -> str:
    """`1 added, 2 upgraded, base changed`: of two locks that both are there."""
    words = [f"{count} {change}" for change, count in diff.counts.items()]
    facts = [*diff.facts, *(fact for one in diff.environments for fact in one.facts)]
    words += [f"{one} changed" for one in dict.fromkeys(_subject(fact.name) for fact in facts)]
    asked = sum(len(one.asked) for one in diff.environments)
    words += [f"{asked} line{'s' if asked > 1 else ''} of what is asked"] if asked else []
    return ", ".join(words)


def first_time(diff: LockDiff) -> str:
    """`new, 12 MB to fetch`: of a lock that had none before it."""
    return f"new, {human_size(diff.bytes.new)} to fetch{_unknown(diff)}"


def _unknown(diff: LockDiff) -> str:
    many = diff.bytes.unknown
    return f" without {many} of unknown size" if many else ""


def signed(size: int | None) -> str:
    """`+12 MB`, `-300 kB`, `0 B`; `?` when nobody knows."""
    if not size:
        return human_size(size)
    return f"{'+' if size > 0 else '-'}{human_size(abs(size))}"


def told(
    heads: Sequence[str], diffs: Sequence[LockDiff], names: Sequence[str], *, color: bool, width: int
) -> str:
    """A head line for each comparison and the table of its changes; one that stands above is named, not repeated."""
    lines: list[str] = []
    seen: dict[str, str] = {}
    for head, diff, name in zip(heads, diffs, names, strict=True):
        lines.append(head)
        table_text = changes_table(diff, color=color, width=width)
        if table_text:
            lines.append(f"the same changes as for {seen[table_text]}" if table_text in seen else table_text)
            seen.setdefault(table_text, name)
    return "\n".join(lines)


def changes_table(diff: LockDiff, *, color: bool, width: int) -> str:
    """Every change as a row; empty where nothing changed. The order is that of the lock, the packages' by change."""
    rows = [_fact_row(fact, "") for fact in diff.facts]
    rows += [_row(change, "") for change in _ordered(diff.system)]
    for one in diff.environments:
        rows += _environment_rows(one, one.name if len(diff.environments) > 1 else "")
    return table(_HEADERS, rows, color=color, width=width) if rows else ""


def _environment_rows(one: EnvironmentDiff, name: str) -> list[list[str]]:
    rows = [["asked", line, name, "", "", ""] for line in one.asked]
    rows += [_fact_row(fact, name) for fact in one.facts]
    return [*rows, *(_row(change, name) for change in _ordered(one.packages))]


def _ordered(changes: Sequence[PackageChange]) -> list[PackageChange]:
    return sorted(changes, key=lambda one: CHANGES.index(one.change))


def _row(change: PackageChange, environment: str) -> list[str]:
    whole = change.change in {"rebuilt", "moved", "amended"}
    old, new = _version(change.old, whole), _version(change.new, whole)
    if change.change in {"rebuilt", "moved"} and change.old and change.new and old == new:
        old, new = _last(change.old, change.change), _last(change.new, change.change)
    where = f"{change.manager} ({environment})" if environment else change.manager
    return [change.change, change.name, where, old, new, signed(change.bytes)]


def _version(package: Package | None, whole: bool) -> str:
    if package is None:
        return ""
    return f"{package.version} {package.build}".rstrip() if whole else package.version


def _last(package: Package, change: str) -> str:
    """What differs where version and build do not."""
    if change == "moved":
        return package.url
    return f"{package.version} sha256:{package.sha256[:_SHOWN_HASH]}"


def _fact_row(fact: Fact, environment: str) -> list[str]:
    name = f"{fact.name} ({environment})" if environment else fact.name
    if fact.name == "link order":
        return ["changed", name, "", "", "", ""]
    sides = [fact.old, fact.new]
    files = [text.rsplit("/", 1)[-1] if "://" in text and "," not in text else text for text in sides]
    if files[0] != files[1]:
        sides = files
    return ["changed", name, "", *map(_short, sides), ""]


def _short(text: str) -> str:
    """References and hashes without the most of their digits."""
    head, at, digest = text.rpartition("sha256:")
    if at:
        return f"{head}{at}{digest[:_SHOWN_HASH]}"
    return text[:_SHOWN_HASH] if _SHA256.fullmatch(text) else text


def _subject(name: str) -> str:
    """`base` of `base glibc`: one word for all that is told of it."""
    return name if name == "link order" else name.partition(" ")[0]
