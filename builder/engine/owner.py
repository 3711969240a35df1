"""Who made a container or a working name: so that the next run can tell what a killed one has left.

An owner is a process of this boot of this machine: `MACHINE.PID.START`, in letters that a label and a tag may hold.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from pathlib import Path

LABEL = "io.imgbuild.owner"
_OWNER = re.compile(r"([0-9a-f]{12})\.([0-9]+)\.([0-9]+)")
_PROC = Path("/proc")


@functools.cache
def _machine() -> str:
    """This boot and this space of process numbers; empty where the system does not tell (not Linux).

    A process in another container, or on another machine that shares the engine, has other numbers: whether it
    lives cannot be seen from here.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        space = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def _start(pid: int) -> str:
    """When a process began, in the kernel's ticks: the same number may be given to another process later."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the program's name comes before, and may hold anything
    return "" if fields[0] in {"Z", "X"} else fields[19]


def owner() -> str:
    """This process; empty where processes cannot be told apart, and then nothing of it is ever swept."""
    pid = os.getpid()
    start = _start(pid)
    return f"{_machine()}.{pid}.{start}" if _machine() and start else ""


def is_gone(text: str) -> bool:
    """Whether this owner was a process of this machine and runs no more. False for what cannot be known."""
    found = _OWNER.fullmatch(text)
    if found is None or found[1] != _machine():
        return False
    return _start(int(found[2])) != found[3]
