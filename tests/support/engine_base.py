"""A tiny base image for engine tests, made from this machine's own shell and tools: nothing is downloaded."""

from __future__ import annotations

import functools
import io
import re
import shutil
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from builder import proc

_TOOLS = (
    "sh",
    "cat",
    "sleep",
    "ls",
    "id",
    "touch",
    "mkdir",
    "head",
    "tail",
    "grep",
    "ln",
    "mkfifo",
    "env",
    "yes",
)
_LIBRARY = re.compile(r"(/\S+) \(0x")
LABEL = "io.imgbuild.test"


def unique(name: str) -> str:
    """A tag that no other run uses."""
    return f"imgbuild-test/{name}:{uuid.uuid4().hex[:12]}"


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def context_of(dockerfile: str, files: Mapping[str, bytes] | None = None) -> Iterator[bytes]:
    """A build context in pieces, as the real ones come."""
    data = tar_of({"Dockerfile": dockerfile.encode(), **(files or {})})
    return (data[at : at + 4096] for at in range(0, len(data), 4096))


@functools.cache
def base_tar() -> bytes:
    """The root file system: shell, a few tools, their libraries, and the directories that Linux expects."""
    sources = {f"bin/{name}": Path(_which(name)).resolve() for name in _TOOLS}
    for path in list(sources.values()):
        for library in _LIBRARY.findall(proc.run(["ldd", path]).stdout):
            sources[library.lstrip("/")] = Path(library).resolve()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("tmp", "mnt", "proc", "sys", "dev", "etc"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        for name, path in sources.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, path.stat().st_size
            with path.open("rb") as source:
                tar.addfile(entry, source)
    return buffer.getvalue()


def _which(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"this machine has no {name}: the engine tests make their base from its tools"
    return found
