"""Which installers exist, where they are, and what their sha256 is: installers.csv as functions."""

from __future__ import annotations

import csv
import difflib
import functools
import re
from pathlib import Path
from typing import Literal, NamedTuple

from builder.errors import UsageError
from builder.values import Platform

Kind = Literal["miniconda", "miniforge"]
ARCH: dict[str, str] = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


class InstallerFile(NamedTuple):
    """Where an installer is, and the hex sha256 it must have."""

    url: str
    sha256: str


class Row(NamedTuple):
    """One line of the table. python: minor of its base environment (`3.13`), empty where only one exists."""

    kind: str
    version: str
    python: str
    arch: str
    url: str
    sha256: str
    source: str


@functools.cache
def rows() -> tuple[Row, ...]:
    """The whole table, as it stands in the file."""
    with Path(__file__).with_name("installers.csv").open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        next(reader)
        return tuple(Row(*line) for line in reader)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@functools.cache
def versions(kind: Kind) -> tuple[str, ...]:
    """Every version of one kind, newest first."""
    return tuple(sorted({row.version for row in rows() if row.kind == kind}, key=_order, reverse=True))


def newest(kind: Kind) -> str:
    """The newest version of one kind that the table knows."""
    return versions(kind)[0]


def newest_for(kind: Kind, platform: Platform) -> str:
    """The newest version of one kind that has an installer for a platform. Raises UsageError where none has."""
    there = {row.version for row in rows() if (row.kind, row.arch) == (kind, ARCH[platform])}
    if not there:
        raise UsageError(
            f"the table has no {kind} for {platform}", fix="see `imgbuild data refresh installers`"
        )
    return max(there, key=_order)


def near_versions(kind: Kind, version: str) -> list[str]:
    """Versions that somebody who wrote `version` may have meant, the likeliest first; never empty."""
    return difflib.get_close_matches(version, versions(kind), n=3, cutoff=0.6) or [newest(kind)]


def find_installer(kind: Kind, version: str, python_minor: str | None, platform: Platform) -> InstallerFile:
    """The installer's canonical URL and hex sha256.

    python_minor: `3.12` asks for the installer whose base environment has that Python; None takes the newest.
    Raises UsageError with near misses where the table has no such row.
    """
    if version not in versions(kind):
        close = " or ".join(near_versions(kind, version))
        raise UsageError(f"{kind} has no version {version!r}", fix=f"did you mean {close}?")
    arch = ARCH[platform]
    found = [row for row in rows() if (row.kind, row.version, row.arch) == (kind, version, arch)]
    if not found:
        raise UsageError(f"{kind} {version} has no installer for {platform}", fix=f"try {newest(kind)}")
    if python_minor is not None and any(row.python for row in found):
        known = ", ".join(row.python for row in found)
        found = [row for row in found if row.python == python_minor]
        if not found:
            raise UsageError(
                f"{kind} {version} has no installer with Python {python_minor}", fix=f"has: {known}"
            )
    best = max(found, key=lambda row: _order(row.python))
    return InstallerFile(best.url, best.sha256)
