"""What `conda activate` and `conda deactivate` have a shell do, as POSIX shell text."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.store.bootstrap.standin import environment
from builder.store.bootstrap.standin.settings import Settings

UNSET = "***unset***"


@dataclass
class Change:
    """Changes of a shell, in the order in which they are made."""

    before: list[Path] = field(default_factory=list)
    unset: list[str] = field(default_factory=list)
    local: dict[str, str] = field(default_factory=dict)
    export: dict[str, str] = field(default_factory=dict)
    after: list[Path] = field(default_factory=list)

    def text(self) -> str:
        """As shell commands."""
        lines = [f". {shlex.quote(str(path))}" for path in self.before]
        lines += [f"unset {name}" for name in self.unset]
        lines += [f"{name}={shlex.quote(value)}" for name, value in self.local.items()]
        # conda does not escape here either: a value with an apostrophe breaks the activation.
        lines += [f"export {name}='{value}'" for name, value in self.export.items()]
        lines += [f". {shlex.quote(str(path))}" for path in self.after]
        return "".join(f"{line}\n" for line in lines)


class Activator:
    """Reads the calling shell's variables and says how they change."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.env = settings.env

    @property
    def level(self) -> int:
        """How many environments are active, one above the other."""
        text = self.env.get("CONDA_SHLVL", "")
        return int(text) if text.isdigit() else 0

    def activate(self, prefix: Path, *, stack: bool = False) -> Change:
        """Make an environment active above the present one."""
        level, old = self.level, self.env.get("CONDA_PREFIX")
        if level and old == str(prefix):
            return self.reactivate()
        if level > 1 and self.env.get(f"CONDA_PREFIX_{level - 1}") == str(prefix):
            return self.deactivate()
        change = self._common(prefix, level + 1)
        if level and old:
            change.export[f"CONDA_PREFIX_{level}"] = old
            if stack:
                change.export[f"CONDA_STACKED_{level + 1}"] = "true"
            else:
                change.before = _scripts(Path(old), "deactivate.d", backwards=True)
        replaced = old if level and not stack else None
        change.export["PATH"] = self._path(replaced, prefix)
        for name, value in state_variables(prefix).items():
            if name in self.env:
                change.export[f"__CONDA_SHLVL_{level}_{name}"] = self.env[name]
            if value == UNSET:
                change.unset.append(name)
            else:
                change.export[name] = value
        return change

    def deactivate(self) -> Change:
        """Leave the active environment; the one below becomes active again."""
        level, old = self.level, self.env.get("CONDA_PREFIX")
        if level < 1 or not old:
            return Change()
        if level == 1:
            change = Change(export={"CONDA_SHLVL": "0", "PATH": self._path(old, None)})
            change.unset = ["CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER"]
            change.local = self._prompt("")
        else:
            below = Path(self.env[f"CONDA_PREFIX_{level - 1}"])
            stacked = f"CONDA_STACKED_{level}" in self.env
            change = self._common(below, level - 1)
            change.export["PATH"] = self._path(old, None if stacked else below)
            change.unset = [f"CONDA_PREFIX_{level - 1}", *([f"CONDA_STACKED_{level}"] if stacked else [])]
        change.before = _scripts(Path(old), "deactivate.d", backwards=True)
        self._restore(change, Path(old), level - 1)
        return change

    def _restore(self, change: Change, old: Path, level: int) -> None:
        for name in state_variables(old):
            saved = f"__CONDA_SHLVL_{level}_{name}"
            if saved in self.env:
                change.export[name] = self.env[saved]
                change.unset.append(saved)
            elif name not in change.export:
                change.export[name] = ""  # as conda leaves it: set, and empty

    def reactivate(self) -> Change:
        """Run the active environment's scripts again."""
        old = self.env.get("CONDA_PREFIX")
        if not self.level or not old:
            return Change()
        change = self._common(Path(old), self.level)
        change.before = _scripts(Path(old), "deactivate.d", backwards=True)
        change.export["PATH"] = self._path(old, Path(old))
        return change

    def _common(self, prefix: Path, level: int) -> Change:
        name = environment.name_of(self.settings, prefix) or str(prefix)
        modifier = f"({name}) " if self.settings.flag("changeps1") else ""
        exports = {
            "CONDA_PREFIX": str(prefix),
            "CONDA_SHLVL": str(level),
            "CONDA_DEFAULT_ENV": name,
            "CONDA_PROMPT_MODIFIER": modifier,
        }
        if environment.is_environment(prefix):
            exports |= {k: v for k, v in state_variables(prefix).items() if v != UNSET}
        return Change(local=self._prompt(modifier), export=exports, after=_scripts(prefix, "activate.d"))

    def _prompt(self, modifier: str) -> dict[str, str]:
        if "PS1" not in self.env or not self.settings.flag("changeps1"):
            return {}
        prompt = self.env["PS1"]
        current = self.env.get("CONDA_PROMPT_MODIFIER", "")
        return {"PS1": modifier + (prompt.removeprefix(current) if current else prompt)}

    def _path(self, old: str | None, new: Path | None) -> str:
        parts = self.env.get("PATH", "").split(os.pathsep)
        gone = f"{old}/bin" if old else None
        added = [f"{new}/bin"] if new else []
        if gone in parts:
            at = parts.index(gone)
            return os.pathsep.join([*parts[:at], *added, *parts[at + 1 :]])
        return os.pathsep.join([*added, *parts])


def state_variables(prefix: Path) -> dict[str, str]:
    """Variables of conda-meta/state and of packages' etc/conda/env_vars.d; the first wins."""
    found: dict[str, str] = {}
    folder = prefix / "etc" / "conda" / "env_vars.d"
    for file in sorted(folder.glob("*.json")):
        found |= _strings(_json(file))
    state = _json(prefix / "conda-meta" / "state")
    found |= _strings(state.get("env_vars") if isinstance(state, dict) else None)
    return {name.upper(): value for name, value in found.items()}


def _strings(value: object) -> Mapping[str, str]:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _scripts(prefix: Path, folder: str, *, backwards: bool = False) -> list[Path]:
    return sorted((prefix / "etc" / "conda" / folder).glob("*.sh"), reverse=backwards)
