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

    Returns the paths. Raises LockError when the folder cannot be written. Before the first rename nothing has changed,
    and an error or an interrupt among the renames takes them back; what a kill leaves there is noticed by the hashes
    in the last file.
    """
    staged: dict[Path, Path] = {}
    before: dict[Path, Path | None] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            # The old ones are staged as well, because later the disk may be full.
            before[path] = _stage(folder, path.read_bytes()) if os.path.lexists(path) else None
            staged[path] = _stage(folder, text)
        _rename(staged, before)
        for name in obsolete:
            # The lock is written: a page that it no longer names and that cannot be removed takes nothing from it.
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise LockError(
            f"the lock cannot be written: {error.strerror or error}",
            where=str(folder),
            fix="check that the folder may be written and the disk has room",
        ) from error
    finally:
        for temporary in (*staged.values(), *before.values()):
            if temporary is not None:
                temporary.unlink(missing_ok=True)
    return tuple(staged)


def _rename(staged: Mapping[Path, Path], before: Mapping[Path, Path | None]) -> None:
    """All staged files to their places, or all places as they were."""
    try:
        for path, temporary in staged.items():
            temporary.replace(path)
    except BaseException:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                old.replace(path)
        raise


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
