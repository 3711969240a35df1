"""What `verify` found, for people: one row for each drift, files of one package folded, and what was not judged."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from builder.report.columns import table
from builder.report.size import human_size
from builder.verify.model import Drift, Verified

_HEADERS = ("", "WHAT", "NAME", "EXPECTED", "FOUND")
_ROWS = 40  # of files; all of them with -v
_DIGITS = 12


def verified_text(found: Verified, *, color: bool, width: int, every: bool = False) -> str:
    """The whole report. every: each file as a row of its own, and everything that was not judged with examples."""
    parts = [_head(found)]
    rows = list(_rows(found.drifts, every))
    if rows:
        parts.append(table(_HEADERS, rows, color=color, width=width))
    parts += [f"note: {note}" for note in found.notes]
    unjudged = [
        _unjudged(one.what, one.why, one.count, one.such_as if every else ()) for one in found.unjudged
    ]
    if found.recorded and found.passed:
        unjudged = []
    if unjudged:
        lines = "\n".join(
            textwrap.indent("\n".join(textwrap.wrap(one, max(40, width - 2))), "  ") for one in unjudged
        )
        parts.append(f"not judged:\n{lines}")
    parts.append(_verdict(found))
    return "\n\n".join(parts)


def _head(found: Verified) -> str:
    what = "labels, configuration and layers"
    if found.deep:
        what = f"{found.counts.files:,} files ({human_size(found.counts.bytes)}) of {found.counts.packages} packages"
        what += ", the base and imgbuild itself, labels and configuration"
    image = f"{found.image} in the {found.place} ({found.digest[:19]})"
    return f"{image}, held against {found.ref}: {what}; {found.seconds:.1f} s"


def _rows(drifts: Sequence[Drift], every: bool) -> Iterator[list[str]]:
    files = [one for one in drifts if one.about == "file"]
    whole = {one.package for one in drifts if one.about == "package"}
    for one in drifts:
        if one.about != "file":
            folded = sum(file.package == one.package for file in files) if one.about == "package" else 0
            yield _row(one, f"{folded} files differ" if folded and not every else "")
    shown = files if every else [one for one in files if one.package not in whole]
    for one in shown if every else shown[:_ROWS]:
        yield _row(one)
    if len(shown) > _ROWS and not every:
        yield ["...", "file", f"{len(shown) - _ROWS} more: -v or --json names them", "", ""]


def _row(one: Drift, more: str = "") -> list[str]:
    name = one.name
    notes = [text for text in (one.package if one.about == "file" else "", one.why, more) if text]
    if notes:
        name += f" ({'; '.join(notes)})"
    return [one.how, one.about, name, _short(one.expected), _short(one.found)]


def _short(text: str) -> str:
    """Hashes without the most of their digits."""
    head, at, digits = text.rpartition("sha256:")
    if at and len(digits) == 64:
        return f"{head}{at}{digits[:_DIGITS]}"
    return text[:_DIGITS] if len(text) == 64 and not set(text) - set("0123456789abcdef") else text


def _unjudged(what: str, why: str, count: int, such_as: Sequence[str]) -> str:
    named = f" (such as {', '.join(such_as)})" if such_as else ""
    return f"{count:,} {what}: {why}{named}" if count > 1 or what == "files" else f"{what}: {why}{named}"


def _verdict(found: Verified) -> str:
    if not found.passed:
        count = len(found.drifts)
        return f"{count} difference{'s' if count > 1 else ''}"
    if found.recorded:
        return "no differences; it is the very image that was built and proven here, every byte of it"
    return "no differences"
