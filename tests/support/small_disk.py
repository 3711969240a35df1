"""Disks that are small, full or read-only, for as long as a test runs. They need root; without it a test fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

import pytest

BALLAST = "ballast"


@dataclass(frozen=True)
class Disk:
    """A mounted file system of our own."""

    path: Path

    def fill(self) -> None:
        """Take the last byte of it."""
        with (self.path / BALLAST).open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 1 << 12, 1):
                with pytest.raises(OSError, match="No space left"):
                    _pour(file, bytes(size))

    def release(self) -> None:
        """Give back what `fill` took."""
        (self.path / BALLAST).unlink(missing_ok=True)

    def read_only(self) -> None:
        """Nothing can be written any more."""
        _mount("-o", "remount,ro", str(self.path))


def _pour(file: RawIOBase, piece: bytes) -> None:
    while True:
        file.write(piece)


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Disk]:
    """An empty file system of this size (`8m`) at path."""
    path.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "imgbuild-test", str(path))
    try:
        yield Disk(path)
    finally:
        if path.is_mount():  # an engine on it takes it away with its own mounts
            subprocess.run(["umount", "-l", "-R", str(path)], check=True)


@contextmanager
def read_only_view(of: Path, at: Path) -> Iterator[Path]:
    """The same directory once more, where it cannot be written."""
    at.mkdir(parents=True)
    _mount("--bind", str(of), str(at))
    try:
        _mount("-o", "remount,bind,ro", str(at))
        with pytest.raises(OSError, match="Read-only"):
            (at / "probe").touch()
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        who = "" if os.geteuid() == 0 else ": run the tests as root"
        pytest.fail(f"this test needs a small disk and cannot mount one{who} ({done.stderr.strip()})")
