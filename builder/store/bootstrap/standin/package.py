"""An unpacked package: its manifest, and where each of its files goes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin.cache import Spec
from builder.store.bootstrap.standin.errors import CondaVerificationError, SafetyError

ENTRY_POINT = re.compile(
    r"\s*([A-Za-z0-9_][\w.+-]*)\s*=\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*:\s*([A-Za-z_][\w.]*)\s*\Z"
)


@dataclass(frozen=True)
class Entry:
    """One line of the manifest."""

    path: str
    kind: str = "hardlink"
    sha256: str | None = None
    size: int | None = None
    placeholder: str | None = None
    binary: bool = False
    no_link: bool = False


@dataclass(frozen=True)
class Script:
    """A console script that is made when the package is linked."""

    name: str
    module: str
    function: str


@dataclass(frozen=True)
class Package:
    """A package directory and the line that asked for it."""

    directory: Path
    spec: Spec

    @cached_property
    def record(self) -> dict[str, Any]:
        """What is known of the package. Raises CondaVerificationError."""
        for name in ("repodata_record.json", "index.json"):
            value = self._json(name)
            if isinstance(value, dict):
                return value
        raise self._corrupted("info/index.json")

    @property
    def name(self) -> str:
        """The package's name."""
        return str(self.record["name"])

    @property
    def label(self) -> str:
        """How messages name it."""
        return (
            f"{ch.display_name(ch.channel_of(self.spec.url))}/{self.record.get('subdir')}::{self.spec.dist}"
        )

    @property
    def noarch_python(self) -> bool:
        """Whether its files go where the environment's python wants them."""
        return self.record.get("noarch") == "python"

    @cached_property
    def entries(self) -> list[Entry]:
        """The files of the package. Raises CondaVerificationError."""
        manifest = self._json("paths.json")
        if isinstance(manifest, dict):
            return [_entry(item) for item in manifest.get("paths", [])]
        return list(self._old_entries())

    @cached_property
    def scripts(self) -> list[Script]:
        """Its console scripts. Raises CondaVerificationError for one that is no plain name and function."""
        link = self._json("link.json")
        noarch = link.get("noarch") if isinstance(link, dict) else None
        points = noarch.get("entry_points", []) if isinstance(noarch, dict) else []
        return [self._script(str(point)) for point in points]

    def verify(self, *, strict: bool) -> Iterator[CondaVerificationError | SafetyError]:
        """What is not as the manifest says. strict also reads every file."""
        for entry in self.entries:
            file = self.directory / entry.path
            if not file.exists() and not file.is_symlink():
                yield self._corrupted(entry.path)
                continue
            if entry.kind != "hardlink" or not file.is_file():
                continue
            size = file.stat().st_size
            if entry.size is not None and size != entry.size:
                yield self._changed(entry, "incorrect size", f"{entry.size} bytes", f"{size} bytes")
            elif strict and entry.sha256:
                actual = hashlib.sha256(file.read_bytes()).hexdigest()
                if actual != entry.sha256:
                    yield self._changed(entry, "sha256 mismatch", entry.sha256, actual)

    def _json(self, name: str) -> Any:
        try:
            return json.loads((self.directory / "info" / name).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _old_entries(self) -> Iterator[Entry]:
        """Packages from before paths.json: a list of files, and one of those with a prefix."""
        try:
            files = (self.directory / "info" / "files").read_text("utf-8").splitlines()
        except OSError as error:
            raise self._corrupted("info/paths.json") from error
        prefixes = dict(self._has_prefix())
        for path in filter(None, (line.strip() for line in files)):
            placeholder, mode = prefixes.get(path, (None, "text"))
            kind = "softlink" if (self.directory / path).is_symlink() else "hardlink"
            yield Entry(path, kind, placeholder=placeholder, binary=mode == "binary")

    def _has_prefix(self) -> Iterator[tuple[str, tuple[str, str]]]:
        file = self.directory / "info" / "has_prefix"
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        for parts in (line.split() for line in lines):
            if len(parts) == 3:
                yield parts[2].strip("\"'"), (parts[0].strip("\"'"), parts[1])
            elif len(parts) == 1:
                yield parts[0], ("/opt/anaconda1anaconda2anaconda3", "text")

    def _script(self, point: str) -> Script:
        match = ENTRY_POINT.match(point)
        if match is None:
            raise CondaVerificationError(
                f"The package for {self.name} located at {self.directory}\nhas an invalid entry point: {point!r}"
            )
        return Script(match[1], match[2], match[3])

    def _corrupted(self, path: str) -> CondaVerificationError:
        return CondaVerificationError(
            f"The package for {self.directory.name} located at {self.directory}\n"
            f"appears to be corrupted. The path '{path}'\nspecified in the package manifest cannot be found."
        )

    def _changed(self, entry: Entry, how: str, reported: str, actual: str) -> SafetyError:
        return SafetyError(
            f"The package for {self.name} located at {self.directory}\n"
            f"appears to be corrupted. The path '{entry.path}'\nhas an {how}.\n"
            f"  reported: {reported}\n  actual: {actual}"
        )


def _entry(item: Mapping[str, Any]) -> Entry:
    path = str(item["_path"])
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise CondaVerificationError(f"The manifest names {path!r}, which leads out of the package.")
    return Entry(
        path=path,
        kind=str(item.get("path_type", "hardlink")),
        sha256=item.get("sha256"),
        size=item.get("size_in_bytes"),
        placeholder=item.get("prefix_placeholder"),
        binary=item.get("file_mode") == "binary",
        no_link=bool(item.get("no_link", False)),
    )
