"""Whether an image runs on a machine, and what a machine has, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from builder.fit.there import Fits, Point
from builder.host.model import Host, Looked
from builder.report.columns import table
from builder.report.plain import one_line

SAID: dict[Fits, str] = {
    "yes": "it runs there",
    "no": "it does not run there",
    "unknown": "NOT KNOWN, which is no yes",
}


def points_text(points: Sequence[Point], *, color: bool, width: int) -> str:
    """A row for each need, and below the table what is to know and to do."""
    rows = [[one.what, one.needs, one.has, one.fits] for one in points]
    parts = [table(["WHAT", "THE IMAGE NEEDS", "THE HOST HAS", "FITS"], rows, color=color, width=width)]
    parts += [_more(one, width) for one in points if one.note or one.fix]
    return "\n\n".join(parts)


def host_text(host: Host) -> str:
    """The machine in one line."""
    if host.asked:
        return f"a machine of which this was said: {_gpus(host)}, driver {host.driver or 'not said'}"
    return f"this machine: {_gpus(host)}, driver {host.driver or 'none'}"


def looked_text(looked: Sequence[Looked]) -> str:
    """Every place that was looked at, and what was there."""
    return "\n".join(f"  {one.place}: {one.saw}" for one in looked)


def _gpus(host: Host) -> str:
    return ", ".join(gpu.name for gpu in host.gpus) or "no NVIDIA GPU"


def _more(one: Point, width: int) -> str:
    lines = [f"{one.what}: {one.note}" if one.note else f"{one.what}: {one.needs}"]
    lines += [f"  to do: {one.fix}"] if one.fix else []
    return "\n".join(wrapped(one_line(line), width) for line in lines)


def wrapped(text: str, width: int) -> str:
    """Folded, the further lines deeper than the first; words stay whole, so that commands can be copied."""
    start = len(text) - len(text.lstrip())
    deeper = " " * (start + 4)
    return textwrap.fill(
        text, max(width, 30), subsequent_indent=deeper, break_long_words=False, break_on_hyphens=False
    )
