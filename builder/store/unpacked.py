"""How large a package is once it is installed, from its archive alone."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.lock.source import Source
from builder.store.cache import Store

# Installed bytes for a byte of the archive, where the archive does not tell or is not there yet. Measured on the images
# `regression` and `finetune-cuda` with their bytecode; installers are shell scripts around conda packages.
RATIOS: Mapping[str, float] = {".whl": 1.9, ".conda": 3.2, ".bz2": 3.0, ".deb": 3.8, ".sh": 4.0}
_OTHER = 3.0
_HEAD = 18  # bytes of a zstd frame's header


def installed_size(file: LockedFile, source: Source, store: Store) -> int:
    """Bytes that a locked file takes in an image: told by the archive where it is on this machine, else estimated."""
    path = source.local(file) or kept(file, store)
    told = told_size(path) if path else None
    return (
        told if told is not None else int((file.size or 0) * RATIOS.get(Path(file.filename).suffix, _OTHER))
    )


def told_size(path: Path) -> int | None:
    """What an archive says of its content, bytecode of a wheel's modules included; None where it does not say."""
    try:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                return sum(_with_bytecode(entry) for entry in wheel.infolist())
        if path.suffix == ".conda":
            return _conda_size(path)
    except (OSError, ValueError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError):
        return None  # whatever it is: the build says it, not an estimate
    return None


def kept(file: LockedFile, store: Store) -> Path | None:
    """The file in the store; None where it is not, or the store cannot be read."""
    try:
        return store.find(file)
    except BuildError:
        return None


def _with_bytecode(entry: zipfile.ZipInfo) -> int:
    """A module's bytecode is about as large as the module."""
    return entry.file_size * (2 if entry.filename.endswith(".py") else 1)


def _conda_size(path: Path) -> int | None:
    """By its list of paths, with bytecode where it brings none; else the tar of its files, as its frame says."""
    with zipfile.ZipFile(path) as outer:
        parts = {entry.filename.split("-")[0]: entry for entry in outer.infolist()}
        listed = _listed(outer, parts["info"]) if "info" in parts else None
        if listed is not None or "pkg" not in parts:
            return listed
        size = zstandard.frame_content_size(outer.open(parts["pkg"]).read(_HEAD))
        return size if size > 0 else None


def _listed(outer: zipfile.ZipFile, info: zipfile.ZipInfo) -> int | None:
    """The sizes in info/paths.json (CEP 35); None where it has none."""
    with (
        zstandard.ZstdDecompressor().stream_reader(outer.open(info)) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        for member in tar:
            if member.name == "info/paths.json":
                content = tar.extractfile(member)
                return _of_paths(json.load(content)) if content is not None else None
    return None


def _of_paths(document: object) -> int | None:
    rows = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    sizes = {
        row["_path"]: row["size_in_bytes"]
        for row in rows
        if isinstance(row, dict)
        and isinstance(row.get("_path"), str)
        and isinstance(row.get("size_in_bytes"), int)
    }
    compiled = any(name.endswith(".pyc") for name in sizes)
    modules = 0 if compiled else sum(size for name, size in sizes.items() if name.endswith(".py"))
    return sum(sizes.values()) + modules if sizes else None
