"""Package directories: which archive or unpacked package belongs to an address, and how one gets there.

A directory takes part with `urls.txt`, which says where each archive came from. One that can be written is unpacked
into; one that cannot is only read. What an archive in it must match is the address and, where given, the md5: the
md5 is computed here, and no sha256 is, so a line with a sha256 finds nothing in it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from builder.store.bootstrap.standin import archive
from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin.errors import (
    CondaError,
    CondaHTTPError,
    CondaMultiError,
    InvalidArchiveError,
    NoWritablePkgsDirError,
    OfflineError,
)

MAGIC = "urls.txt"


@dataclass(frozen=True)
class Spec:
    """One line of an explicit file."""

    url: str
    md5: str | None = None
    sha256: str | None = None

    @property
    def fn(self) -> str:
        """The archive's file name."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def dist(self) -> str:
        """name-version-build."""
        return ch.strip_extension(self.fn)

    def matches(self, record: Mapping[str, Any] | None) -> bool:
        """Whether a record is this package; what the line does not say is not compared."""
        if record is None or record.get("url") != self.url:
            return False
        return all(
            wanted is None or record.get(key) == wanted
            for key, wanted in (("md5", self.md5), ("sha256", self.sha256))
        )


class PackageDir:
    """One package directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def writable(self) -> bool | None:
        """Whether packages can be unpacked here; None where there is no urls.txt."""
        magic = self.path / MAGIC
        if not magic.is_file():
            return None
        try:
            with magic.open("a"):
                return True
        except OSError:
            return False

    def create(self) -> bool:
        """Make this a package directory; whether that went."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / MAGIC).touch()
        except OSError:
            return False
        self.__dict__["writable"] = True
        return True

    def url_of(self, fn: str) -> str | None:
        """Where an archive came from; the last line that says so counts."""
        try:
            lines = (self.path / MAGIC).read_text("utf-8").splitlines()
        except OSError:
            return None
        return next((url for url in reversed(lines) if url.rsplit("/", 1)[-1] == fn), None)

    def add_url(self, url: str) -> None:
        """Note where an archive came from."""
        with (self.path / MAGIC).open("a", encoding="utf-8") as sink:
            sink.write(f"{url}\n")

    def unpacked(self, spec: Spec) -> dict[str, Any] | None:
        """The record of an unpacked package, as it was written when it was unpacked, or from its manifest."""
        info = self.path / spec.dist / "info"
        for name in ("repodata_record.json", "index.json"):
            record = _read_json(info / name)
            if record is not None:
                return record if "url" in record else {**record, **self._archive_facts(spec)}
        return None

    def packed(self, spec: Spec) -> dict[str, Any] | None:
        """The record of an archive."""
        return self._archive_facts(spec) if (self.path / spec.fn).is_file() else None

    def _archive_facts(self, spec: Spec) -> dict[str, Any]:
        file = self.path / spec.fn
        facts: dict[str, Any] = {"url": self.url_of(spec.fn), "fn": spec.fn}
        if file.is_file():
            facts |= {"md5": _md5(file), "size": file.stat().st_size}
        return facts


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as source:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


class PackageCache:
    """All package directories together."""

    def __init__(self, directories: Sequence[Path], *, offline: bool) -> None:
        self.directories = [PackageDir(path) for path in directories]
        self.offline = offline

    @cached_property
    def first_writable(self) -> PackageDir:
        """Where packages are unpacked. Raises NoWritablePkgsDirError."""
        for directory in self.directories:
            if directory.writable or (directory.writable is None and directory.create()):
                return directory
        raise NoWritablePkgsDirError([directory.path for directory in self.directories])

    def ensure(self, specs: Sequence[Spec]) -> dict[Spec, Path]:
        """Unpacked directories of packages. Everything that fails is said at once, as CondaError."""
        found: dict[Spec, Path] = {}
        errors: list[CondaError] = []
        for spec in dict.fromkeys(specs):
            try:
                found[spec] = self._ensure(spec)
            except CondaError as error:  # noqa: PERF203  (all that is missing is said at once)
                errors.append(error)
        if errors:
            raise errors[0] if len(errors) == 1 else CondaMultiError(errors)
        return found

    def _ensure(self, spec: Spec) -> Path:
        for directory in self.directories:
            if spec.matches(directory.unpacked(spec)):
                return directory.path / spec.dist
        home = self.first_writable
        for directory in (d for d in self.directories if d.writable):
            if spec.matches(directory.packed(spec)):
                try:
                    return self._unpack(directory, spec)
                except InvalidArchiveError as error:
                    if isinstance(error.__cause__, OSError):  # the disk, not the archive
                        raise
                    (directory.path / spec.fn).unlink(
                        missing_ok=True
                    )  # conda forgets an archive it cannot read
        for directory in (d for d in self.directories if d.writable is False):
            if spec.matches(directory.packed(spec)) and archive.is_readable(directory.path / spec.fn):
                _copy_in(directory.path / spec.fn, home)
                if ch.has_subdir(spec.url):
                    home.add_url(spec.url)
                return self._unpack(home, spec)
        self._download(spec, home)
        return self._unpack(home, spec)

    def _download(self, spec: Spec, home: PackageDir) -> None:
        """A `file://` package is copied and its hash is not compared; there is no other network here."""
        parts = urlsplit(spec.url)
        if parts.scheme == "file":
            source = Path(unquote(parts.path))
            if not source.is_file():
                raise CondaHTTPError(f"HTTP 404 NOT FOUND for url <{spec.url}>\nElapsed: -")
            _copy_in(source, home)
            home.add_url(spec.url)
        elif self.offline:
            raise OfflineError(spec.url)
        else:
            raise CondaHTTPError(
                f"HTTP 000 CONNECTION FAILED for url <{spec.url}>\nElapsed: -\n\n"
                "This is the imgbuild stand-in: it reaches no network."
            )

    def _unpack(self, directory: PackageDir, spec: Spec) -> Path:
        packed = directory.path / spec.fn
        target = directory.path / spec.dist
        archive.extract(packed, target)
        record = json.loads((target / "info" / "index.json").read_text("utf-8"))
        record |= {
            "url": spec.url,
            "fn": spec.fn,
            "channel": spec.url.rsplit("/", 1)[0],
            "size": packed.stat().st_size,
        }
        record["md5"] = spec.md5 or _md5(packed)
        if spec.sha256:
            record["sha256"] = spec.sha256
        text = json.dumps(record, indent=2, sort_keys=True)
        (target / "info" / "repodata_record.json").write_text(text, "utf-8")
        return target


def _copy_in(source: Path, home: PackageDir) -> None:
    target = home.path / source.name
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    try:
        shutil.copyfile(source, partial)
        partial.rename(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CondaError(f"{error}") from error
