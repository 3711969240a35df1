"""environment.yml with its platform selectors honoured: the document, and what holds on some platforms only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builder.problems import Problem
from builder.spec.document import Document, Keys, Place, checked_text, parse_text, text_of
from builder.spec.model import Platform
from builder.spec.selectors import Filtered, filter_lines, key_holds_on


def read_filtered(path: Path, label: str, text: str | None = None) -> tuple[Document, Filtered]:
    """One file without the lines that hold on no platform of ours. text: its content, where it is known already."""
    document = Document(label)
    text = text_of(path, document) if text is None else checked_text(text.encode(errors="replace"), document)
    filtered = filter_lines(text or "")
    if text is not None:
        parse_text(filtered.text, document)
    return document, filtered


def honour_keys(document: Document) -> tuple[int, ...]:
    """Put `sel(linux): spec` in its place, and take `sel(win): spec` out; the lines that went."""
    entries: Any = document.data.get("dependencies")
    dropped: list[int] = []
    for at in reversed(range(len(entries) if isinstance(entries, list) else 0)):
        entry = entries[at]
        key = next(iter(entry)) if isinstance(entry, dict) and len(entry) == 1 else ""
        holds = key_holds_on(key)
        if holds:
            entries[at] = entry[key]
            document.places["dependencies", at] = document.places.pop(("dependencies", at, key))
        elif holds is not None:
            dropped.append(document.places["dependencies", at].line)
            _take_out(document, ("dependencies",), at)
    return tuple(dropped)


def one_platform(
    document: Document, filtered: Filtered
) -> tuple[dict[str, frozenset[Platform]], list[Problem]]:
    """Dependencies that hold on some platforms only; a problem for anything else that should."""
    if not filtered.only:
        return {}, []
    holds: dict[str, set[Platform]] = {}
    always: set[str] = set()
    seen: set[int] = set()
    for keys, place in document.places.items():
        if keys[:1] != ("dependencies",) or not isinstance(keys[-1], int) or place.text is None:
            continue
        platform = filtered.only.get(place.line)
        if platform is None:
            always.add(place.text)
        else:
            seen.add(place.line)
            holds.setdefault(place.text, set()).add(platform)
    what = "a selector for one architecture is honoured for packages only"
    fix = "remove it, or use a variant"
    problems = [
        Problem(document.file, line, 1, "", what, fix) for line in sorted(filtered.only) if line not in seen
    ]
    only = {text: frozenset(on) for text, on in holds.items() if text not in always and len(on) == 1}
    return only, problems


def _take_out(document: Document, keys: Keys, at: int) -> None:
    """Remove an item of the list at `keys`, and let the places of those behind it follow."""
    holder: Any = document.data
    for key in keys:
        holder = holder[key]
    del holder[at]
    depth = len(keys)
    moved: dict[Keys, Place] = {}
    for path, place in document.places.items():
        index = path[depth] if len(path) > depth and path[:depth] == keys else None
        if not isinstance(index, int) or index < at:
            moved[path] = place
        elif index > at:
            behind = (*keys, index - 1, *path[depth + 1 :])
            moved[behind] = place
    document.places = moved
