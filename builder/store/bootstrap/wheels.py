"""Any wheel as a real conda package: pure ones as `noarch: python`, the others for the target's platform."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
import tempfile
import zipfile
from calendar import timegm
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from installer import install
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError
from installer.records import Hash, RecordEntry
from installer.sources import WheelFile
from installer.utils import construct_record_file, fix_shebang
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from builder.errors import BuildError
from builder.store.bootstrap.metadata import WheelFacts, conda_depends, read_facts
from builder.store.bootstrap.package import PLACEHOLDER, Entry, Head, check_path, json_bytes, write_package
from builder.store.bootstrap.recipe import recipe
from builder.store.bootstrap.target import Target
from builder.values import digest_of

if TYPE_CHECKING:
    from installer.scripts import ScriptSection
    from installer.utils import Scheme

_ENTRY_NAME = re.compile(r"\w[\w.+-]*")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_LEGAL = re.compile(r"(licen[cs]e|copying|notice|copyright)", re.IGNORECASE)
_LEGAL_FOLDER = re.compile(r"(licenses|license_files)/")
_DROP_IT = "do not use this wheel"
_PYTHON = f"{PLACEHOLDER}/bin/python"
_SCRIPT = """\
#!{python}
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({attr}())
"""


@dataclass(frozen=True, slots=True)
class _EntryPoint:
    name: str
    module: str
    attr: str

    def __str__(self) -> str:
        return f"{self.name} = {self.module}:{self.attr}"


@dataclass
class _Layout(WheelDestination):
    """Takes what `installer` finds in a wheel and says where it lies in a conda package."""

    folder: Path
    target: Target
    pure: bool
    distribution: str
    entries: list[Entry] = field(default_factory=list)
    entry_points: list[_EntryPoint] = field(default_factory=list)

    def write_script(self, name: str, module: str, attr: str, section: ScriptSection) -> RecordEntry:
        """A command: conda makes it from link.json for pure packages, else it is a file of the package."""
        del section
        if not (_ENTRY_NAME.fullmatch(name) and _DOTTED.fullmatch(module) and _DOTTED.fullmatch(attr)):
            raise BuildError(f"the entry point {name!r} = {module!r}:{attr!r} is not one", fix=_DROP_IT)
        self.entry_points.append(_EntryPoint(name, module, attr))
        if not self.pure:
            text = _SCRIPT.format(
                python=_PYTHON, module=module, attr=attr, first=attr.split(".", maxsplit=1)[0]
            )
            self.entries.append(Entry(f"bin/{name}", text.encode(), 0o755, has_prefix=True))
        return RecordEntry(name, None, None)

    def write_file(
        self, scheme: Scheme, path: str | PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        """One file. Raises BuildError for a path that leaves its place."""
        name = check_path(fspath(path))
        if scheme == "scripts":
            with fix_shebang(stream, _PYTHON) as fixed:
                data = fixed.read()
            place = "python-scripts" if self.pure else "bin"
            prefixed = PLACEHOLDER.encode() in data
            self.entries.append(Entry(f"{place}/{name}", data, 0o755, has_prefix=prefixed))
            return RecordEntry(name, *_measure(data))
        spool = self.folder / str(len(self.entries))
        measured = _copy(stream, spool)
        self.entries.append(Entry(self._place(scheme, name), spool, 0o755 if is_executable else 0o644))
        return RecordEntry(name, *measured)

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        """RECORD as it holds in the environment, so that importlib.metadata finds every file."""
        lines = construct_record_file(records, lambda kind: self._from_modules(kind, scheme))
        self.entries.append(Entry(self._place(scheme, record_file_path), lines.read()))

    def _place(self, scheme: Scheme, name: str) -> str:
        if scheme == "data":
            return name
        if scheme == "headers":
            return f"include/python{self.target.minor}/{self.distribution}/{name}"
        return f"{'site-packages' if self.pure else self.target.site_packages}/{name}"

    def _from_modules(self, kind: Scheme, root: Scheme) -> str | None:
        up = "../../../"
        places = {"scripts": f"{up}bin/", "data": up}
        places["headers"] = f"{up}include/python{self.target.minor}/{self.distribution}/"
        return None if kind == root else places.get(kind)


def is_pure(wheel: str) -> bool:
    """Whether a wheel's name says that it runs on any platform and Python 3."""
    try:
        _, _, _, tags = parse_wheel_filename(wheel)
    except InvalidWheelFilename as error:
        raise BuildError("this is not the name of a wheel", where=wheel, fix=_DROP_IT) from error
    return all(tag.platform == "any" and tag.abi == "none" for tag in tags)


@dataclass(frozen=True, slots=True)
class Converter:
    """Turns wheels into packages below folder/SUBDIR for one target.

    names and find: see conda_depends. cache: where packages are kept for the next bootstrap.
    """

    folder: Path
    target: Target
    names: Mapping[str, str] = field(default_factory=dict)
    find: Callable[[str], WheelFacts | None] = lambda _name: None
    cache: Path | None = None

    def convert(self, wheel: Path, sha256: str) -> Path:
        """Write one package and return its path.

        wheel has its own file name; sha256 is what was checked. Raises BuildError for wheels that write
        outside their place, have a path twice, or cannot be read.
        """
        try:
            return self._convert(wheel, sha256)
        except BuildError as error:
            where = error.where or wheel.name
            raise BuildError(error.what, where=where, fix=error.fix, detail=error.detail) from error
        except (InstallerError, AssertionError, KeyError, ValueError, zipfile.BadZipFile) as error:
            what = f"this wheel cannot be read: {error}"
            raise BuildError(what, where=wheel.name, fix=_DROP_IT) from error

    def _convert(self, wheel: Path, sha256: str) -> Path:
        facts = read_facts(wheel)
        with (
            tempfile.TemporaryDirectory(prefix="imgbuild-wheel-") as scratch,
            zipfile.ZipFile(wheel) as archive,
        ):
            source = WheelFile(archive)
            _check_record(source)
            pure = is_pure(wheel.name) and not _has_headers(archive)
            head = self._head(
                facts, pure, archive, {"converted_from": wheel.name, "converted_sha256": sha256}
            )
            place = self.folder / ("noarch" if pure else self.target.subdir)
            place.mkdir(parents=True, exist_ok=True)
            kept = self._kept(head, sha256)
            if kept is not None and kept.is_file():
                return Path(shutil.copyfile(kept, place / kept.name))
            layout = _Layout(Path(scratch), self.target, pure, facts.name)
            install(source, layout, {"INSTALLER": b"conda\n"})
            head = self._head(
                facts, pure, archive, {"converted_from": wheel.name, "converted_sha256": sha256}
            )
            info = _licences(source, archive)
            if pure:
                info["link.json"] = _link(layout.entry_points)
            made = write_package(place, head, _without_old_installer(layout.entries), info)
            return _keep(made, kept)

    def _kept(self, head: Head, sha256: str) -> Path | None:
        """Where an earlier bootstrap has left the same package, made by the same code from the same wheel."""
        if self.cache is None:
            return None
        code = recipe("metadata", "package", "target", "wheels")
        key = digest_of([code, sha256, self.target.python, head.subdir, head.name, head.depends])
        return self.cache / key[:32] / f"{head.stem}.conda"

    def _head(
        self, facts: WheelFacts, pure: bool, archive: zipfile.ZipFile, origin: Mapping[str, str]
    ) -> Head:
        depends = conda_depends(facts, self.target, pinned_python=not pure, names=self.names, find=self.find)
        return Head(
            name=self.names.get(facts.name, facts.name),
            version=facts.version,
            build="py_0" if pure else f"{self.target.tag}_0",
            subdir=self.target.subdir,
            depends=depends,
            noarch="python" if pure else None,
            license=facts.license,
            seconds=_newest(archive),
            about={**facts.about(), "extra": {**origin, "made_by": "imgbuild kit bootstrap"}},
        )


def _keep(made: Path, kept: Path | None) -> Path:
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        shutil.copyfile(made, partial)
        partial.replace(kept)
    return made


def _without_old_installer(entries: Iterable[Entry]) -> list[Entry]:
    """Of two INSTALLER files (a wheel should bring none) the one that was added last."""
    found = list(entries)
    twice = [entry for entry in found if entry.path.endswith(".dist-info/INSTALLER")][:-1]
    return [entry for entry in found if entry not in twice]


def _check_record(source: WheelFile) -> None:
    """Names in RECORD stay where they belong, and each file of the wheel is named there."""
    for row in csv.reader(source.read_dist_info("RECORD").splitlines()):
        if row:
            check_path(row[0])
    source.validate_record(validate_contents=False)


def _has_headers(archive: zipfile.ZipFile) -> bool:
    folders = (name.split("/")[:2] for name in archive.namelist())
    return any(parts[0].endswith(".data") and parts[1:] == ["headers"] for parts in folders)


def _link(points: Iterable[_EntryPoint]) -> bytes:
    lines = sorted(str(point) for point in points)
    return json_bytes({"noarch": {"type": "python", "entry_points": lines}, "package_metadata_version": 1})


def _licences(source: WheelFile, archive: zipfile.ZipFile) -> dict[str, bytes]:
    found = {}
    for name in source.dist_info_filenames:
        if _LEGAL_FOLDER.match(name) or ("/" not in name and _LEGAL.search(name)):
            data = archive.read(f"{source.dist_info_dir}/{name}")
            found[f"licenses/{_LEGAL_FOLDER.sub('', name, count=1)}"] = data
    return found


def _newest(archive: zipfile.ZipFile) -> int:
    """The latest time in the wheel: the same bytes give the same package."""
    return max(timegm((*member.date_time, 0, 0, 0)) for member in archive.infolist())


def _copy(stream: BinaryIO, target: Path) -> tuple[Hash, int]:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as sink:
        while block := stream.read(1 << 20):
            digest.update(block)
            sink.write(block)
            size += len(block)
    return Hash("sha256", _spelled(digest.digest())), size


def _measure(data: bytes) -> tuple[Hash, int]:
    return Hash("sha256", _spelled(hashlib.sha256(data).digest())), len(data)


def _spelled(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
