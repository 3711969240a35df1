"""The archives of a lock, laid out as they will be in the image, and read before anything is built."""

from __future__ import annotations

import json
import posixpath
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import zstandard

from builder.audit.facts import Inventory
from builder.audit.payload.scan import scan
from builder.audit.sink import Sink, sink
from builder.errors import BuildError
from builder.lock.model import CondaPackage, EnvironmentLock, LockedFile, LockSet, PipPackage
from builder.progress import Observer, StepFinished, StepStarted

PREFIX = "/opt/conda/envs"
# NotImplementedError: zipfile does not know how a member is packed.
ARCHIVE_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    zstandard.ZstdError,
    EOFError,
    ValueError,
    NotImplementedError,
)
_RESTORE = "remove it from the store, and run the command again"


def read_archives(lock: LockSet, paths: Mapping[str, Path], observer: Observer) -> Inventory:
    """All ELF files that a lock will install. paths: of its archives by sha256, as `fetch` gives them.

    What the base brings is not among them: its libraries are not known here. Raises BuildError for an archive that
    cannot be read, and for a full disk.
    """
    key = f"audit:{lock.digest}"
    observer(StepStarted("audit", key, "read compiled files from the archives"))
    began = time.monotonic()
    with sink() as target:
        work = [(one, package) for one in lock.environments for package in (*one.conda, *one.pip)]
        with ThreadPoolExecutor(max_workers=4) as pool:  # inflating leaves Python's one lock
            for _done in pool.map(lambda job: _unpack(job[0], job[1], paths[job[1].sha256], target), work):
                pass
        target.finish()
        first = f"{PREFIX}/{lock.environments[0].name}"
        said = scan(str(target.root), reading="archives", first=first)
    observer(StepFinished(key, time.monotonic() - began))
    return Inventory.model_validate(said)


def _unpack(environment: EnvironmentLock, package: LockedFile, path: Path, target: Sink) -> None:
    prefix = f"{PREFIX}/{environment.name}"
    try:
        if isinstance(package, PipPackage):
            _wheel(path, prefix, _site(environment), target)
        elif isinstance(package, CondaPackage):
            _conda(package, path, prefix, _site(environment), target)
    except ARCHIVE_FAULTS as error:
        what = f"{package.filename} cannot be read: {error}"
        raise BuildError(what, where=str(path), fix=_RESTORE) from error


def _site(environment: EnvironmentLock) -> str:
    """Where wheels go, below the prefix: the Python of the lock says which minor."""
    minor = ".".join(environment.python.split(".")[:2]) or "3"
    return f"lib/python{minor}/site-packages"


def _wheel(path: Path, prefix: str, site: str, target: Sink) -> None:
    with zipfile.ZipFile(path) as wheel:
        for entry in wheel.infolist():
            if not entry.is_dir():
                with wheel.open(entry) as content:
                    target.file(f"{prefix}/{_in_prefix(entry.filename, site)}", content)


def _in_prefix(name: str, site: str) -> str:
    """Where a member of a wheel goes, below the prefix (PyPA's binary distribution format, `.data` folders)."""
    head, _, rest = name.partition("/")
    kind, _, inner = rest.partition("/")
    if not head.endswith(".data") or not inner:
        return f"{site}/{name}"
    places = {"purelib": site, "platlib": site, "scripts": "bin", "headers": "include", "data": ""}
    return posixpath.join(places.get(kind, kind), inner)


def _conda(package: CondaPackage, path: Path, prefix: str, site: str, target: Sink) -> None:
    files = []
    for tar in _tars(path):
        for entry in tar:
            name = _linked(entry.name, site)
            if name.startswith("info/"):
                continue
            files.append(name)
            if entry.issym():
                target.link(f"{prefix}/{name}", entry.linkname)
            elif entry.isreg() and (content := tar.extractfile(entry)) is not None:
                target.file(f"{prefix}/{name}", content)
            elif entry.islnk():
                target.same(f"{prefix}/{name}", f"{prefix}/{_linked(entry.linkname, site)}")
    _note(package, files, prefix, target)


def _linked(name: str, site: str) -> str:
    """Where a member goes: packages for any Python (noarch) keep theirs at the top."""
    if name.startswith("site-packages/"):
        return f"{site}/{name.removeprefix('site-packages/')}"
    return f"bin/{name.removeprefix('python-scripts/')}" if name.startswith("python-scripts/") else name


def _note(package: CondaPackage, files: Sequence[str], prefix: str, target: Sink) -> None:
    """What conda would write about an installed package, as far as it is read here."""
    meta: dict[str, Any] = {"name": package.name, "version": package.version, "files": files}
    name = f"{package.name}-{package.version}-{package.build}.json"
    target.text(f"{prefix}/conda-meta/{name}", json.dumps(meta).encode())


def _tars(path: Path) -> Iterator[tarfile.TarFile]:
    """The tars of a .conda, or a .tar.bz2 itself; what a store's path is called says nothing of its kind."""
    if not zipfile.is_zipfile(path):
        with tarfile.open(path, "r|*") as tar:
            yield tar
        return
    with zipfile.ZipFile(path) as outer:
        for name in outer.namelist():
            if name.startswith("pkg-") and name.endswith(".tar.zst"):
                with (
                    outer.open(name) as packed,
                    zstandard.ZstdDecompressor().stream_reader(packed) as plain,
                    tarfile.open(fileobj=plain, mode="r|") as tar,
                ):
                    yield tar
