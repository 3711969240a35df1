"""A conda channel and a wheelhouse of packages that hold nothing, made in a moment."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def add_conda(
    channel: Path,
    name: str,
    version: str,
    build: str = "0",
    *,
    subdir: str = "noarch",
    depends: Sequence[str] = (),
) -> None:
    """Write one `.conda` file into a channel; `index` has to follow."""
    import zstandard
    from conda_package_streaming.create import conda_builder

    folder = channel / subdir
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, object] = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "subdir": subdir,
    }
    if subdir == "noarch":
        index["noarch"] = "generic"
    files: Mapping[str, bytes] = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": b'{"paths": [], "paths_version": 1}',
        "info/files": b"",
    }
    stem = f"{name}-{version}-{build}"
    with conda_builder(stem, folder, compressor=lambda: zstandard.ZstdCompressor(level=1)) as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def index(channel: Path) -> None:
    """Write the channel's repodata."""
    from rattler.index import index_fs

    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    asyncio.run(index_fs(channel))


def add_wheel(
    folder: Path, name: str, version: str, *, tag: str = "py3-none-any", needs: Sequence[str] = ()
) -> Path:
    """Write one wheel that holds its metadata only."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-{tag}.whl"
    requires = "".join(f"Requires-Dist: {line}\n" for line in needs)
    with zipfile.ZipFile(path, "w") as wheel:
        info = f"{stem}.dist-info"
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        wheel.writestr(f"{info}/METADATA", text)
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path
