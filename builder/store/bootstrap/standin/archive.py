"""Unpack .conda and .tar.bz2 archives, keeping every path inside the target."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from builder.store.bootstrap.standin.errors import InvalidArchiveError

CHUNK = 1 << 20


def extract(archive: Path, target: Path) -> None:
    """Unpack an archive as a new directory, all of it or nothing. Raises InvalidArchiveError."""
    half_made = target.with_name(f"{target.name}.c~")
    shutil.rmtree(half_made, ignore_errors=True)
    try:
        half_made.mkdir(parents=True)
        for stream in _tars(archive):
            with stream as tar:
                _unpack(tar, half_made)
        _check_manifest(half_made)
        if target.exists():
            shutil.rmtree(target)
        half_made.rename(target)
    except Exception as error:
        shutil.rmtree(half_made, ignore_errors=True)
        raise InvalidArchiveError(archive, error) from error
    except BaseException:
        shutil.rmtree(half_made, ignore_errors=True)
        raise


def is_readable(archive: Path) -> bool:
    """Whether an archive can be opened at all; what is inside is not looked at."""
    return zipfile.is_zipfile(archive) if archive.suffix == ".conda" else tarfile.is_tarfile(archive)


def _check_manifest(directory: Path) -> None:
    index = json.loads((directory / "info" / "index.json").read_text("utf-8"))
    if not isinstance(index, dict) or not {"name", "version", "build"} <= index.keys():
        raise ValueError("info/index.json names no package")


def _tars(archive: Path) -> Iterator[Any]:
    """Context managers that open the tar streams of an archive, one after the other."""
    if archive.name.endswith(".tar.bz2"):
        yield tarfile.open(archive, "r:bz2")  # noqa: SIM115  (the caller closes it)
        return
    with zipfile.ZipFile(archive) as outer:
        members = [name for name in outer.namelist() if name.endswith(".tar.zst")]
        if not any(name.startswith("info-") for name in members):
            raise ValueError("no info-*.tar.zst inside")
        for name in members:
            yield _zstd_tar(outer, name)


@contextmanager
def _zstd_tar(outer: zipfile.ZipFile, name: str) -> Iterator[tarfile.TarFile]:
    import zstandard

    with outer.open(name) as packed:
        unpacked: Any = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        with unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
            yield tar


def _unpack(tar: tarfile.TarFile, target: Path) -> None:
    root = target.resolve()
    umask = os.umask(0)
    os.umask(umask)
    safe: set[Path] = {root}
    for member in tar:
        path = _inside(root, member.name)
        if path == root:
            continue
        _make_parent(path.parent, root, safe)
        if member.isdir():
            path.mkdir(exist_ok=True)
            continue
        if path.is_dir() and not path.is_symlink():
            raise ValueError(f"{member.name!r} is a directory and a file")
        path.unlink(missing_ok=True)
        _write(tar, member, path, root, umask)


def _make_parent(folder: Path, root: Path, safe: set[Path]) -> None:
    if folder in safe:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.resolve().is_relative_to(root):
        raise ValueError(f"{folder} leads out of the package")
    safe.add(folder)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path, umask: int) -> None:
    if member.issym():
        if not _stays_inside(member):
            raise ValueError(f"link {member.name!r} leads out of the package")
        path.symlink_to(member.linkname)
    elif member.islnk():
        path.hardlink_to(_inside(root, member.linkname))
    elif member.isfile():
        source: IO[bytes] | None = tar.extractfile(member)
        with path.open("wb") as sink:
            shutil.copyfileobj(source, sink, CHUNK)  # type: ignore[arg-type]  # isfile: there is a body
        path.chmod((member.mode | 0o600) & 0o777 & ~umask)
        os.utime(path, (member.mtime, member.mtime))
    else:
        raise ValueError(f"{member.name!r} is neither file, link nor directory")


def _inside(root: Path, name: str) -> Path:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"path {name!r} leads out of the package")
    return root / parts


def _stays_inside(member: tarfile.TarInfo) -> bool:
    target = PurePosixPath(member.linkname)
    if target.is_absolute():
        return False
    depth = len(PurePosixPath(member.name).parts) - 1
    for part in target.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True
