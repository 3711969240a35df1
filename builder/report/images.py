"""Two images side by side, for people."""

from __future__ import annotations

from builder.report.changes import signed
from builder.report.columns import table
from builder.report.size import human_size
from builder.verify.compare import ImageDiff


def images_text(diff: ImageDiff, *, color: bool, width: int) -> str:
    """Sizes, then everything else that is another, GPUs by name."""
    rows = [["size", human_size(diff.old.size), human_size(diff.new.size), _more(diff)]]
    rows += [[one.name, one.old, one.new, ""] for one in diff.changes]
    if diff.gpus_gained:
        rows.append(["GPUs gained", "", ", ".join(diff.gpus_gained), ""])
    if diff.gpus_lost:
        rows.append(["GPUs lost", ", ".join(diff.gpus_lost), "", ""])
    if diff.old.id == diff.new.id:
        return f"both are the same image {diff.old.id[:19]}"
    return table(("IMAGE", "OLD", "NEW", ""), rows, color=color, width=width)


def _more(diff: ImageDiff) -> str:
    if diff.bytes is None:
        return "one of them is compressed"
    percent = f", {100 * diff.bytes / diff.old.size:+.1f} %" if diff.old.size else ""
    return f"{signed(diff.bytes)}{percent}"
