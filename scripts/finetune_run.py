"""Running one `imgbuild build` and taking what it costs: time, memory, disk, and the time of each step."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_STEP = re.compile(r"(?P<phase>[a-z]+) +(?P<title>.*?)  +(?P<took>cached|[0-9][0-9.]* s|[0-9]+ (?:min|h) .*)")
_LOOK = 0.2  # seconds between two looks at the disk


@dataclass(frozen=True)
class Step:
    """A line of the progress. seconds: 0 for one that came from the build cache."""

    phase: str
    title: str
    seconds: float
    cached: bool = False


@dataclass(frozen=True)
class Built:
    """seconds: of the wall; memory: largest resident set of imgbuild, bytes; peak and kept: bytes of disk, at most
    and in the end; expected: what was said before it began; image: the document that `build --json` prints for it."""

    ref: str
    seconds: float
    memory: int
    peak: int
    kept: int
    steps: tuple[Step, ...]
    expected: str = ""
    change: str = ""
    image: dict[str, Any] = field(default_factory=dict)

    def of(self, *phases: str) -> float:
        """Seconds of all steps of these phases."""
        return sum(step.seconds for step in self.steps if step.phase in phases)


class _Disk:
    """The most that lies on a file system while something runs, as a difference to its beginning."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._begun = self._used()
        self._most = self._begun
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Disk:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _used(self) -> int:
        return shutil.disk_usage(self._place).used

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            self._most = max(self._most, self._used())

    @property
    def peak(self) -> int:
        """Bytes above the beginning."""
        return self._most - self._begun

    @property
    def kept(self) -> int:
        """Bytes that are there now and were not in the beginning."""
        return self._used() - self._begun


def build(ref: str, kit: Path, *options: str) -> Built:
    """Build an image and prove it, with every cache that is there. Ends the program when the build fails.

    The disk is that of the engine's data, and of the store where both lie on one file system.
    """
    argv = [
        sys.executable,
        "-m",
        "builder.cli",
        "build",
        ref,
        "--kit",
        str(kit),
        "--json",
        "--color",
        "never",
        *options,
    ]
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile(prefix="imgbuild-progress-") as err:
        begun = time.monotonic()
        with _Disk(_data_root()) as disk:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begun
        told = Path(err.name).read_text(encoding="utf-8")
        sys.stderr.write(told)
        if child.returncode:
            raise SystemExit(f"error: imgbuild build {ref} ended with {child.returncode}")
        out.seek(0)
        image = json.load(out)["images"][0]
    return Built(
        ref,
        seconds,
        usage.ru_maxrss * 1024,
        disk.peak,
        disk.kept,
        steps_of(told),
        _expected(told),
        image=image,
    )


def steps_of(told: str) -> tuple[Step, ...]:
    """The lines of a progress without colour, `build   [1/6] FROM ...  1.8 s`."""
    found = (_STEP.fullmatch(line.strip()) for line in told.splitlines())
    return tuple(
        Step(one["phase"], one["title"], _seconds(one["took"]), one["took"] == "cached")
        for one in found
        if one
    )


def _expected(told: str) -> str:
    """`nothing to fetch, an image of about 7.1 GB, ...`: the note at the beginning of a build."""
    found = re.search(r"^note +(.* to fetch, an image of about .*)$", told, re.MULTILINE)
    return found[1] if found else ""


def _seconds(took: str) -> float:
    """`1.8 s`, `2 min 05 s`, `cached`."""
    units = {"s": 1.0, "min": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+) (s|min|h)", took))


def _data_root() -> Path:
    done = subprocess.run(
        ["docker", "info", "--format", "{{.DockerRootDir}}"], capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def said(argv: Sequence[str], *, codes: Sequence[int] = (0,), given: str | None = None) -> str:
    """What a command prints on stdout. Ends the program where it ends with another code than these."""
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"error: {' '.join(argv[:6])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
