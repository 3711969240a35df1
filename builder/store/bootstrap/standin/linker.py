"""Put one package's files into a prefix: hard links where the file system allows, else copies."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.store.bootstrap.standin.errors import CondaError, CondaVerificationError
from builder.store.bootstrap.standin.package import Entry, Package, Script
from builder.store.bootstrap.standin.replace import python_shebang, replace_prefix

CONSOLE_SCRIPT = """\
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {imported}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
"""


@dataclass(frozen=True)
class Python:
    """The interpreter that packages without an architecture are linked for."""

    version: str
    site_packages: str

    @property
    def program(self) -> str:
        """python3.11"""
        return f"python{self.minor}"

    @property
    def minor(self) -> str:
        """3.11"""
        return ".".join(self.version.split(".")[:2])

    @classmethod
    def of(cls, record: dict[str, Any]) -> Python:
        """Read from python's own record."""
        version = str(record["version"])
        minor = ".".join(version.split(".")[:2])
        return cls(
            version, str(record.get("python_site_packages_path") or f"lib/python{minor}/site-packages")
        )


@dataclass
class Linker:
    """Links packages into one prefix. `made` is told of every path before it is written, so that it can be undone."""

    prefix: Path
    python: Python | None
    hard_links: bool
    made: Callable[[Path], None]
    _folders: set[Path] = field(default_factory=set)

    def target(self, package: Package, path: str) -> str:
        """Where a path of a package goes, below the prefix. Raises CondaVerificationError."""
        if not package.noarch_python or not path.startswith(("site-packages/", "python-scripts/")):
            return path
        if self.python is None:
            raise CondaError(
                "Unable to determine python site-packages dir in target_prefix!\n"
                f"Please make sure python is installed in {self.prefix}"
            )
        top, rest = path.split("/", 1)
        return f"{self.python.site_packages}/{rest}" if top == "site-packages" else f"bin/{rest}"

    def link(self, package: Package) -> list[dict[str, Any]]:
        """Link every file of a package. The result is its part of the record: one item for each path."""
        paths = [self._entry(package, entry) for entry in package.entries]
        return paths + [self._script(script) for script in package.scripts]

    def _entry(self, package: Package, entry: Entry) -> dict[str, Any]:
        short = self.target(package, entry.path)
        target = self.prefix / short
        fact: dict[str, Any] = {"_path": short, "path_type": entry.kind}
        fact |= {"sha256": entry.sha256} if entry.sha256 else {}
        fact |= {"size_in_bytes": entry.size} if entry.size is not None else {}
        if entry.kind == "directory":
            self._folder(target)
            return fact
        source = package.directory / entry.path
        self._clear(target)
        if entry.placeholder and not source.is_symlink():
            fact |= self._replaced(source, target, entry, short)
        elif source.is_symlink():
            target.symlink_to(source.readlink())
            fact["path_type"] = "softlink"
        elif self.hard_links and not entry.no_link:
            target.hardlink_to(source)
        else:
            shutil.copy2(source, target)
        if entry.sha256 and "sha256_in_prefix" not in fact:
            fact["sha256_in_prefix"] = entry.sha256
        return fact

    def _replaced(self, source: Path, target: Path, entry: Entry, short: str) -> dict[str, Any]:
        placeholder = entry.placeholder or ""
        data = replace_prefix(
            source.read_bytes(), placeholder, str(self.prefix), binary=entry.binary, path=short
        )
        target.write_bytes(data)
        shutil.copystat(source, target)
        return {
            "file_mode": "binary" if entry.binary else "text",
            "prefix_placeholder": placeholder,
            "sha256_in_prefix": hashlib.sha256(data).hexdigest(),
        }

    def _script(self, script: Script) -> dict[str, Any]:
        if self.python is None:
            raise CondaVerificationError(f"{script.name} needs a python, and the environment has none.")
        short = f"bin/{script.name}"
        target = self.prefix / short
        self._clear(target)
        body = CONSOLE_SCRIPT.format(
            module=script.module, imported=script.function.split(".")[0], function=script.function
        )
        target.write_text(python_shebang(self.prefix, self.python.program) + body, "utf-8")
        target.chmod(0o775)
        return {"_path": short, "path_type": "unix_python_entry_point"}

    def _clear(self, target: Path) -> None:
        """Make room: the later package wins, as with conda."""
        self._folder(target.parent)
        self.made(target)
        target.unlink(missing_ok=True)

    def _folder(self, folder: Path) -> None:
        if folder in self._folders:
            return
        for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
            self.made(missing)
            missing.mkdir()
        self._folders.add(folder)


def can_hard_link(source: Path, prefix: Path) -> bool:
    """Whether a file of the package directory can have a second name in the prefix."""
    probe = prefix / ".tmp.hardlink"
    probe.unlink(missing_ok=True)
    try:
        os.link(source, probe)
    except OSError:
        return False
    probe.unlink()
    return True
