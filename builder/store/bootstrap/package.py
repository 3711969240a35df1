"""Write a conda package: files with their hashes, metadata, and the same bytes for the same content."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from builder.errors import BuildError

PLACEHOLDER = "/opt/imgbuild_prefix_placehold_placehold_placehold_placehold"
"""Stands in text files where the environment's prefix goes; conda replaces it when it links the file."""

LEVEL = 1
"""zstd level. The default of the format (19 to 22) takes minutes for what is read once from a local disk."""

_ARCHES = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a package: path below the prefix, content in memory or in a file, or a symbolic link.

    has_prefix: the content is text that holds PLACEHOLDER.
    """

    path: str
    content: bytes | Path = b""
    mode: int = 0o644
    link: str = ""
    has_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """What a package says about itself. seconds is its one timestamp (Unix time)."""

    name: str
    version: str
    build: str
    subdir: str
    depends: tuple[str, ...] = ()
    noarch: Literal["python", "generic"] | None = None
    license: str = ""
    seconds: int = 315532800
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """File name without `.conda`."""
        return f"{self.name}-{self.version}-{self.build}"


def write_package(
    folder: Path, head: Head, entries: Iterable[Entry], info: Mapping[str, bytes] | None = None
) -> Path:
    """Write folder/NAME-VERSION-BUILD.conda and return its path; an existing file is replaced.

    info: further files below info/ (licences, link.json). Raises BuildError for paths that leave the prefix,
    have control characters, or come twice.
    """
    from conda_package_streaming.create import conda_builder  # noqa: PLC0415  (only a bootstrap needs it)

    ordered = _checked(entries)
    target = folder / f"{head.stem}.conda"
    target.unlink(missing_ok=True)
    with conda_builder(head.stem, folder, compression_level=LEVEL, compression_threads=0) as archive:
        for entry in ordered:
            _add(archive, entry.path, entry, head.seconds)
        for name, data in sorted(_info_files(head, ordered, info or {}).items()):
            _add(archive, f"info/{name}", Entry(name, data), head.seconds)
    _restamp(target)
    return target


def check_path(path: str) -> str:
    """The path itself when it stays below the prefix and has no control characters; else BuildError."""
    parts = path.split("/")
    if path.startswith("/") or any(part in {"", ".", ".."} for part in parts) or "\\" in path:
        raise BuildError(f"{path!r} leaves the place it is installed to", fix="do not use this package")
    if not path.isprintable():
        raise BuildError(f"{path!r} has control characters in its name", fix="do not use this package")
    return path


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _checked(entries: Iterable[Entry]) -> list[Entry]:
    known: dict[str, Entry] = {}
    for entry in entries:
        if check_path(entry.path) in known or entry.path.startswith("info/"):
            raise BuildError(f"{entry.path!r} would be written twice", fix="do not use this package")
        known[entry.path] = entry
    return [known[path] for path in sorted(known)]


def _add(archive: tarfile.TarFile, path: str, entry: Entry, seconds: int) -> None:
    member = tarfile.TarInfo(path)
    member.mode, member.mtime = entry.mode, seconds
    if entry.link:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link, 0o777
        archive.addfile(member)
    elif isinstance(entry.content, bytes):
        member.size = len(entry.content)
        archive.addfile(member, io.BytesIO(entry.content))
    else:
        member.size = entry.content.stat().st_size
        with entry.content.open("rb") as stream:
            archive.addfile(member, stream)


def _info_files(head: Head, entries: Sequence[Entry], more: Mapping[str, bytes]) -> dict[str, bytes]:
    index: dict[str, Any] = {
        "arch": None if head.noarch else _ARCHES[head.subdir],
        "build": head.build,
        "build_number": 0,
        "depends": list(head.depends),
        "license": head.license,
        "name": head.name,
        "platform": None if head.noarch else "linux",
        "subdir": "noarch" if head.noarch else head.subdir,
        "timestamp": head.seconds * 1000,
        "version": head.version,
    }
    if head.noarch:
        index["noarch"] = head.noarch
    described = _paths(entries)
    files = {
        "about.json": json_bytes({**head.about, "license": head.license}),
        "files": "".join(f"{entry.path}\n" for entry in entries).encode(),
        "index.json": json_bytes(index),
        "paths.json": json_bytes({"paths": described, "paths_version": 1}),
        **{check_path(name): data for name, data in more.items()},
    }
    prefixed = [entry.path for entry in entries if entry.has_prefix]
    if prefixed:
        files["has_prefix"] = "".join(f'{PLACEHOLDER} text "{path}"\n' for path in prefixed).encode()
    return files


def _paths(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    facts = {entry.path: _facts(entry) for entry in entries if not entry.link}
    described = []
    for entry in entries:
        row: dict[str, Any] = {"_path": entry.path, "path_type": "softlink" if entry.link else "hardlink"}
        # A link is described by the file it leads to, as conda-build does it.
        found = facts.get(_resolved(entry))
        if found is not None:
            row["sha256"], row["size_in_bytes"] = found
        if entry.has_prefix:
            row.update(prefix_placeholder=PLACEHOLDER, file_mode="text")
        described.append(row)
    return described


def _resolved(entry: Entry) -> str:
    if not entry.link:
        return entry.path
    parts = entry.path.split("/")[:-1]
    for part in entry.link.split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _facts(entry: Entry) -> tuple[str, int]:
    if isinstance(entry.content, bytes):
        return hashlib.sha256(entry.content).hexdigest(), len(entry.content)
    return sha256_of(entry.content), entry.content.stat().st_size


def json_bytes(data: Any) -> bytes:
    """Readable JSON with sorted keys: the same data gives the same bytes."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _restamp(path: Path) -> None:
    """Write the outer zip again with fixed dates: the library puts the time of day into it."""
    fresh = path.with_suffix(".partial")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as new:
        for member in old.infolist():
            info = zipfile.ZipInfo(member.filename, _ZIP_EPOCH)
            info.external_attr = 0o644 << 16
            info.file_size = member.file_size
            with old.open(member) as source, new.open(info, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    fresh.replace(path)
