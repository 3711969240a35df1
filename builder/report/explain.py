"""`explain` for people: what a build would do, why, and which steps come from the cache."""

from __future__ import annotations

from collections.abc import Iterator

from builder.render.snapshot import Cause, Compared, Explained
from builder.report.changes import changes_table, summary
from builder.report.columns import table

_HEADS = {
    "stopped": "a build would stop",
    "new": "a build would make it from the beginning",
    "same": "a build would make nothing anew",
    "rebuilt": "a build would make it anew",
    "unknown": "what is in the engine is not known",
}


def explained_text(found: Explained, *, color: bool, width: int) -> str:
    """The whole answer."""
    parts = [f"{found.image}: {_HEADS[found.status]}"]
    if found.there and found.now and found.there != found.now:
        parts[0] += f" (plan {found.there[:12]} -> {found.now[:12]})"
    if found.reasons or found.lines:
        parts.append("\n".join((*found.reasons, *(f"  {line}" for line in found.lines))))
    if found.changes is not None:
        parts += _changes(found.changes, color, width)
    if found.proof:
        parts.append(f"tests: would run, because {found.proof}")
    elif found.status == "same":
        parts.append("tests: the recorded verdict holds")
    return "\n\n".join(parts)


def _changes(changes: Compared, color: bool, width: int) -> Iterator[str]:
    if not changes.lock.empty:
        yield f"lock: {summary(changes.lock)}\n{changes_table(changes.lock, color=color, width=width)}"
    rows = [_row(cause) for cause in changes.causes]
    if rows:
        yield table(("WHAT", "NAME", "OLD", "NEW", "READ BY"), rows, color=color, width=width)
    steps = [["anew" if one.again else "from the cache", one.title, one.why] for one in changes.steps]
    yield table(("STEP", "", "WHY"), steps, color=color, width=width)


def _row(cause: Cause) -> list[str]:
    words = {"key": "image.yml", "file": "file", "packages": "packages", "page": "page"}
    return [words[cause.kind], cause.name, cause.old, cause.new, "; ".join(cause.steps)]
