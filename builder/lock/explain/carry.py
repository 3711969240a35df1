"""A change that was found in a part of a request, made in the whole of it."""

from __future__ import annotations

from collections.abc import Sequence

from builder.lock.explain.asking import Request


def carried(alone: Request, mended: Request, whole: Request) -> Request:
    """What differs between two requests, as a change of a third that holds all their lines."""
    result = whole.with_lines(_lines(alone.lines, mended.lines, whole.lines))
    pip = _lines(alone.environment.pip, mended.environment.pip, whole.environment.pip)
    result = result.with_pip(pip)
    if mended.environment.channels != alone.environment.channels:
        result = result.with_channels(mended.environment.channels)
    changed = {
        key: getattr(mended.spec, key)
        for key in ("cuda", "base")
        if getattr(mended.spec, key) != getattr(alone.spec, key)
    }
    return result.with_image(**changed) if changed else result


def _lines(before: Sequence[str], after: Sequence[str], whole: Sequence[str]) -> list[str]:
    """Lines that went are replaced, in their places, by lines that came; the rest of these follows."""
    gone = [line for line in before if line not in after]
    new = [line for line in after if line not in before]
    lines: list[str] = []
    for line in whole:
        if line not in gone:
            lines.append(line)
        elif new:
            lines.append(new.pop(0))
    return [*lines, *(line for line in new if line not in lines)]
