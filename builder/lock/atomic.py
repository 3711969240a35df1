"""Replacing a handful of files in one folder, so that a crash leaves old ones or new ones, and no halves."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from builder.errors import LockError


def write_all(folder: Path, texts: Mapping[str, bytes], *, obsolete: Iterable[str] = ()) -> tuple[Path, ...]:
    """Write every file beside its place first, then rename them in the order given, then drop obsolete ones.

    Returns the paths. Raises LockError when the folder cannot be written: before the first rename nothing has
    changed, and a set that was renamed in part is noticed by the hashes in the last file.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            staged.append((_stage(folder, text), folder / name))
        for temporary, path in staged:
            temporary.replace(path)
        for name in obsolete:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise LockError(
            f"the lock cannot be written: {error.strerror or error}",
            where=str(folder),
            fix="check that the folder may be written and the disk has room",
        ) from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
    return tuple(path for _, path in staged)


def _stage(folder: Path, text: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=".imgbuild-lock-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        path.chmod(0o644)  # mkstemp's 0600 would follow the file into a commit's checkout
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return path
