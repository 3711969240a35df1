"""A folder as one tar whose bytes depend on the content alone."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path


def write_tar(root: Path, target: Path, *, latest: int) -> None:
    """Write everything below root, sorted, with numeric owners; no time is later than `latest` (Unix time).

    Sockets, pipes and device nodes are left out: an engine makes its own /dev.
    """
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in _walk(root):
            member = archive.gettarinfo(path, arcname=str(path.relative_to(root)))
            member.uname = member.gname = ""
            member.mtime = min(int(member.mtime), latest)
            if member.isreg():
                with path.open("rb") as stream:
                    archive.addfile(member, stream)
            else:
                archive.addfile(member)


def _walk(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found)
    for name in names:
        path = folder / name
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            yield path
        if stat.S_ISDIR(mode):
            yield from _walk(path)
