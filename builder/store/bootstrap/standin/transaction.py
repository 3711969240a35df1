"""Change an environment by a set of packages: verify, link, record; undo everything when anything fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from builder.store.bootstrap.standin import environment, talk
from builder.store.bootstrap.standin.errors import (
    ClobberError,
    CondaError,
    CondaMultiError,
    EnvironmentNotWritableError,
    LinkError,
    SafetyError,
)
from builder.store.bootstrap.standin.linker import Linker, Python, can_hard_link
from builder.store.bootstrap.standin.order import link_order
from builder.store.bootstrap.standin.package import Package
from builder.store.bootstrap.standin.settings import Settings


class Transaction:
    """Packages that go into a prefix; installed ones of the same name leave it first."""

    def __init__(self, settings: Settings, prefix: Path, packages: Sequence[Package]) -> None:
        self.settings = settings
        self.prefix = prefix
        self.existed = prefix.exists()
        self.installed = {str(r["name"]): r for r in environment.records(prefix)} if self.existed else {}
        by_name = {package.name: package for package in packages if not self._same(package)}
        self.packages = [by_name[name] for name in link_order(package.record for package in by_name.values())]
        self.removed = [self.installed[name] for name in by_name if name in self.installed]
        self.python = self._python(by_name)
        self._made: list[Path] = []
        self._aside: list[tuple[Path, Path]] = []

    def _same(self, package: Package) -> bool:
        record = self.installed.get(package.name)
        return (
            record is not None
            and record.get("fn") == package.spec.fn
            and record.get("url") == package.spec.url
        )

    def _python(self, by_name: dict[str, Package]) -> Python | None:
        record = by_name["python"].record if "python" in by_name else self.installed.get("python")
        return Python.of(record) if record else None

    def run(self, command: str, specs: list[str]) -> None:
        """Do all of it. Raises CondaError; then the prefix is as it was."""
        with talk.step(self.settings, "Preparing transaction"):
            linker = Linker(self.prefix, self.python, hard_links=False, made=self._note)
        with talk.step(self.settings, "Verifying transaction"):
            self._verify(linker)
        try:
            self._prepare_prefix(linker)
            with talk.step(self.settings, "Executing transaction"):
                self._execute(linker, command, specs)
        except BaseException as error:
            with talk.step(self.settings, "Rolling back transaction"):
                self._roll_back()
            if isinstance(error, OSError):
                raise CondaError(f"{error}") from error
            raise
        for _, aside in self._aside:
            aside.unlink(missing_ok=True)
        environment.register(self.settings, self.prefix)

    def _note(self, path: Path) -> None:
        self._made.append(path)

    def _verify(self, linker: Linker) -> None:
        level = str(self.settings.scalar("safety_checks"))
        strict = self.settings.flag("extra_safety_checks")
        fatal: list[CondaError] = []
        for package in self.packages:
            for problem in package.verify(strict=strict and level != "disabled"):
                if not isinstance(problem, SafetyError) or level == "enabled":
                    fatal.append(problem)
                elif level == "warn":
                    talk.complain(str(problem))
        clobbers = self._clobbers(linker)
        if self.settings.scalar("path_conflict") == "prevent":  # else the later package wins, without a word
            fatal += clobbers
        if fatal:
            raise fatal[0] if len(fatal) == 1 else CondaMultiError(fatal)

    def _clobbers(self, linker: Linker) -> list[CondaError]:
        owners: dict[str, list[str]] = defaultdict(list)
        for package in self.packages:
            for entry in package.entries:
                if entry.kind != "directory":
                    owners[linker.target(package, entry.path)].append(package.label)
            for script in package.scripts:
                owners[f"bin/{script.name}"].append(package.label)
        leaving = {path for record in self.removed for path in record.get("files", [])}
        problems: list[CondaError] = []
        for path, names in owners.items():
            if len(names) > 1:
                problems.append(
                    ClobberError(
                        "This transaction has incompatible packages due to a shared path.\n"
                        f"  packages: {', '.join(names)}\n  path: '{path}'"
                    )
                )
            elif self.existed and path not in leaving and os.path.lexists(self.prefix / path):
                problems.append(
                    ClobberError(
                        f"The package '{names[0]}' cannot be installed due to a path collision for\n"
                        f"'{path}'. This path already exists in the target prefix."
                    )
                )
        return problems

    def _prepare_prefix(self, linker: Linker) -> None:
        try:
            environment.begin(self.prefix)
        except OSError as error:
            raise EnvironmentNotWritableError(
                f"The current user does not have write permissions to the target environment.\n"
                f"  environment location: {self.prefix}\n  reason: {error}"
            ) from error
        if self.packages and not self.settings.flag("always_copy"):
            source = self.packages[0].directory / "info" / "index.json"
            linker.hard_links = can_hard_link(source, self.prefix)

    def _execute(self, linker: Linker, command: str, specs: list[str]) -> None:
        for record in self.removed:
            self._unlink(record)
        paths = {package.name: linker.link(package) for package in self.packages}
        self._compile(paths)
        for package in self.packages:
            self._post_link(package)
        for package in self.packages:
            self._record(package, paths[package.name], linker.hard_links)
        changes = [f"-{_history_name(record)}" for record in self.removed]
        changes += [f"+{package.label}" for package in self.packages]
        environment.write_history(self.prefix, command, changes, specs)

    def _unlink(self, record: dict[str, Any]) -> None:
        meta = f"conda-meta/{record['name']}-{record['version']}-{record['build']}.json"
        for short in [*record.get("files", []), meta]:
            path = self.prefix / short
            if path.is_file() or path.is_symlink():
                aside = path.with_name(f"{path.name}.c~")
                path.rename(aside)
                self._aside.append((path, aside))

    def _compile(self, paths: dict[str, list[dict[str, Any]]]) -> None:
        """Bytecode for noarch packages; what does not compile is left as it is, as with conda."""
        if self.python is None:
            return
        sources: list[str] = []
        tag = f"cpython-{self.python.minor.replace('.', '')}"
        for package in (p for p in self.packages if p.noarch_python):
            known = {fact["_path"] for fact in paths[package.name]}
            for short in [
                s for s in sorted(known) if s.endswith(".py") and s.startswith(self.python.site_packages)
            ]:
                folder, name = short.rsplit("/", 1)
                compiled = f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc"
                if compiled not in known:
                    sources.append(short)
                    paths[package.name].append({"_path": compiled, "path_type": "pyc_file"})
                    self._made += [self.prefix / folder / "__pycache__", self.prefix / compiled]
        if sources:
            interpreter = self.prefix / "bin" / self.python.program
            words = [str(interpreter), "-Wi", "-m", "compileall", "-q", "-l", "-i", "-"]
            listed = "".join(f"{self.prefix / short}\n" for short in sorted(sources))
            with suppress(OSError):
                subprocess.run(words, input=listed, text=True, capture_output=True, check=False)
        for package in self.packages:
            paths[package.name] = [
                fact
                for fact in paths[package.name]
                if fact["path_type"] != "pyc_file" or (self.prefix / fact["_path"]).is_file()
            ]

    def _post_link(self, package: Package) -> None:
        script = self.prefix / "bin" / f".{package.name}-post-link.sh"
        if not script.is_file():
            return
        env = dict(self.settings.env) | {
            "ROOT_PREFIX": str(self.settings.root),
            "PREFIX": str(self.prefix),
            "PKG_NAME": package.name,
            "PKG_VERSION": str(package.record["version"]),
            "PKG_BUILDNUM": str(package.record.get("build_number", 0)),
            "PATH": f"{self.prefix}/bin:{self.settings.env.get('PATH', os.defpath)}",
        }
        done = subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, check=False)
        messages = self.prefix / ".messages.txt"
        if messages.is_file():
            print(messages.read_text("utf-8", errors="replace"), file=sys.stderr)
            messages.unlink()
        if done.returncode:
            raise LinkError(
                f"post-link script failed for package {package.label}\nlocation of failed script: {script}\n"
                f"==> script output <==\nstdout: {done.stdout}\nstderr: {done.stderr}\n"
                f"return code: {done.returncode}"
            )

    def _record(self, package: Package, paths: list[dict[str, Any]], hard_links: bool) -> None:
        facts = [{k: v for k, v in path.items() if v is not None} for path in paths]
        record = dict(package.record) | {
            "url": package.spec.url,
            "channel": package.spec.url.rsplit("/", 1)[0],
            "fn": package.spec.fn,
            "extracted_package_dir": str(package.directory),
            "package_tarball_full_path": str(package.directory.parent / package.spec.fn),
            "files": [path["_path"] for path in facts],
            "paths_data": {"paths": facts, "paths_version": 1},
            "link": {"source": str(package.directory), "type": 1 if hard_links else 3},
            "requested_spec": package.spec.url,
        }
        target = self.prefix / "conda-meta" / f"{package.spec.dist}.json"
        self._note(target)
        target.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", "utf-8")

    def _roll_back(self) -> None:
        if not self.existed:
            shutil.rmtree(self.prefix, ignore_errors=True)
            return
        for path in reversed(self._made):
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink(missing_ok=True)
        for path, aside in reversed(self._aside):
            aside.rename(path)


def _history_name(record: dict[str, Any]) -> str:
    row = environment.list_row(record)
    return f"{row['channel']}/{row['platform']}::{row['dist_name']}"
