"""How a run itself ended, before anybody looks at what it measured, with the limit it met where it met one."""

from __future__ import annotations

import signal

from builder.engine.port import Limits, RunResult
from builder.smoke.verdict import Outcome

_LOOKED_AT = 2000  # last lines in which the sign of a limit is looked for: many processes fail at once


def ending(run: RunResult, limits: Limits) -> tuple[Outcome, str]:
    """Outcome and reason of the run."""
    if run.timed_out:
        crowd = f", with {limits.pids} processes running, as many as it may have" if run.crowded else ""
        return "timeout", f"killed after {limits.seconds:g} s, its limit{crowd}"
    if run.out_of_memory:
        return "failed", f"out of memory: it needs more than its limit of {_mib(limits.memory)}"
    if run.spilled:
        return "failed", "killed: it left over 64 MiB beside its result, which is more than comes out"
    if run.code == 0:
        return "passed", ""
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    last = f": {lines[-1][:300]}" if lines else ", and printed nothing"
    return "failed", f"{_ended(run.code)}{last}{_met(run, lines[-_LOOKED_AT:], limits)}"


def _ended(code: int | None) -> str:
    if code is None:
        return "killed from outside"
    try:
        name = f" ({signal.Signals(code - 128).name})" if code > 128 else ""
    except ValueError:
        name = ""
    return f"ended with code {code}{name}"


def _met(run: RunResult, lines: list[str], limits: Limits) -> str:
    """` (the sandbox: ...)` where the last lines, or the signal, say that a wall of the sandbox was met.

    The kernel tells only the program which limit it met, so this goes by the program's own words: it is help
    for the reader of a failure, and decides nothing.
    """
    if run.code == 128 + signal.SIGKILL:
        return f" (the sandbox: most likely its memory, {_mib(limits.memory)})"
    text = "\n".join(lines)
    walls = {
        "may have {pids} processes and threads": (
            "Resource temporarily unavailable",
            "can't start new thread",
            "Cannot fork",
        ),
        "/tmp holds {tmpfs}, and it counts as memory": ("No space left on device",),  # noqa: S108
        "only /tmp and the directory of $IMGBUILD_RESULT may be written": ("Read-only file system",),
        "there is no network": ("Network is unreachable", "name resolution"),
        "no file may become that large": ("File too large",),
    }
    met = [wall for wall, signs in walls.items() if any(sign in text for sign in signs)]
    told = "; ".join(met).format(pids=limits.pids, tmpfs=_mib(min(limits.tmpfs, limits.memory)))
    return f" (the sandbox: {told})" if told else ""


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
