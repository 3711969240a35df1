"""Time as people read it."""

from __future__ import annotations


def human_time(seconds: float) -> str:
    """`0.0 s`, `12.3 s`, `2 min 05 s`, `1 h 02 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def rough_time(seconds: float) -> str:
    """`20 s`, `4 min`, `1 h 02 min`: for what is not known better."""
    if seconds < 57.5:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 3570:
        return f"{round(seconds / 60)} min"
    return human_time(seconds)
