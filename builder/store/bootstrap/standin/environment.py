"""An environment on disk: its packages, its history, its registration."""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin import conda_version
from builder.store.bootstrap.standin.errors import (
    CondaValueError,
    EnvironmentIsFrozenError,
    EnvironmentLocationNotFound,
    EnvironmentNameNotFound,
)
from builder.store.bootstrap.standin.order import link_order
from builder.store.bootstrap.standin.settings import Settings

FORBIDDEN = "/ :#"


def is_environment(prefix: Path) -> bool:
    """Whether conda made this directory."""
    return (prefix / "conda-meta" / "history").is_file()


def check_exists(prefix: Path) -> Path:
    """The prefix. Raises EnvironmentLocationNotFound."""
    if not is_environment(prefix):
        raise EnvironmentLocationNotFound(prefix)
    return prefix


def prefix_for(settings: Settings, name: str | None, path: str | None) -> Path:
    """Where -n or -p points; without them the active environment, or base. The environment need not exist."""
    if path:
        return Path(path).expanduser().absolute()
    if name is None:
        return Path(settings.env.get("CONDA_PREFIX") or settings.root)
    if name in ("base", "root"):
        return settings.root
    if any(char in name for char in FORBIDDEN):
        raise CondaValueError(
            f"Invalid environment name: {name!r}\nCharacters not allowed: {set(FORBIDDEN)}\n"
            "If you are specifying a path to an environment, the `-p` flag should be used instead."
        )
    existing = (folder / name for folder in settings.envs_dirs if is_environment(folder / name))
    return next(existing, _first_writable(settings) / name)


def _first_writable(settings: Settings) -> Path:
    for folder in settings.envs_dirs:
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if os.access(nearest, os.W_OK):
            return folder
    return settings.envs_dirs[0]


def find(settings: Settings, target: str) -> Path:
    """What `conda activate TARGET` means: a path when it has a slash, else a name."""
    if "/" in target:
        return check_exists(Path(target).expanduser().absolute())
    prefix = prefix_for(settings, target, None)
    if not is_environment(prefix):
        raise EnvironmentNameNotFound(target)
    return prefix


def name_of(settings: Settings, prefix: Path) -> str:
    """base, the name of an environment in a directory of environments, or empty."""
    if prefix == settings.root:
        return "base"
    return prefix.name if prefix.parent in settings.envs_dirs else ""


def all_environments(settings: Settings) -> list[Path]:
    """base first, then every environment that can be found, sorted."""
    found = {child for folder in settings.envs_dirs if folder.is_dir() for child in folder.iterdir()}
    found |= {Path(line) for file in _registries(settings) for line in _registered(file) if line}
    others = sorted(prefix for prefix in found if prefix != settings.root and is_environment(prefix))
    return [settings.root, *others]


def _registry(settings: Settings) -> Path:
    return settings.home / ".conda" / "environments.txt"


def _registries(settings: Settings) -> list[Path]:
    """Whose environments are listed: root sees those of every user in the user database, and not those of HOME."""
    if os.geteuid() != 0:
        return [_registry(settings)]
    return [Path(user.pw_dir) / ".conda" / "environments.txt" for user in pwd.getpwall()]


def _registered(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").split("\n")
    except (OSError, UnicodeError):
        return []


def register(settings: Settings, prefix: Path, *, remove: bool = False) -> None:
    """Note an environment in the user's home; where that cannot be written, nothing happens, as with conda."""
    lines = [line for line in _registered(_registry(settings)) if line and line != str(prefix)]
    lines += [] if remove else [str(prefix)]
    if not settings.flag("register_envs"):
        return
    try:
        _registry(settings).parent.mkdir(parents=True, exist_ok=True)
        _registry(settings).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError:
        return


def check_not_frozen(prefix: Path) -> None:
    """Raises EnvironmentIsFrozenError with the message of its maker."""
    marker = prefix / "conda-meta" / "frozen"
    if not marker.is_file():
        return
    try:
        content = json.loads(marker.read_text("utf-8"))
    except ValueError:
        content = None
    message = content.get("message", "") if isinstance(content, dict) else ""
    raise EnvironmentIsFrozenError(prefix, str(message))


def records(prefix: Path) -> list[dict[str, Any]]:
    """The packages that conda linked, sorted by name."""
    files = sorted((prefix / "conda-meta").glob("*.json"))
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return sorted(found, key=lambda record: str(record["name"]))


def ordered_records(prefix: Path) -> list[dict[str, Any]]:
    """The same in link order."""
    by_name = {str(record["name"]): record for record in records(prefix)}
    return [by_name[name] for name in link_order(by_name.values())]


def pip_packages(prefix: Path) -> Iterator[tuple[str, str]]:
    """Name and version of packages in site-packages that conda did not link."""
    owned = {str(file) for record in records(prefix) for file in record.get("files", [])}
    for metadata in sorted(prefix.glob("lib/python3.*/site-packages/*.dist-info/METADATA")):
        if str(metadata.relative_to(prefix)) not in owned:
            header = HeaderParser().parsestr(metadata.read_text("utf-8", errors="replace"), headersonly=True)
            name = str(header["Name"] or "").lower().replace("_", "-").replace(".", "-")
            yield name, str(header["Version"])


def begin(prefix: Path) -> None:
    """Make a directory an environment."""
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True, exist_ok=True)
    (meta / "history").touch()
    created = meta / "created_at"
    if not created.exists():
        created.write_text(datetime.now(timezone.utc).isoformat(), "utf-8")


def write_history(prefix: Path, command: str, changes: list[str], specs: list[str]) -> None:
    """Append what was done to the environment's history."""
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    lines = [f"==> {now} <==", f"# cmd: {command}", f"# conda version: {conda_version()}", *changes]
    lines += [f"# update specs: {json.dumps(specs)}"] if specs else []
    with (prefix / "conda-meta" / "history").open("a", encoding="utf-8") as sink:
        sink.write("".join(f"{line}\n" for line in lines))


def list_row(record: dict[str, Any]) -> dict[str, Any]:
    """A package as `conda list --json` shows it."""
    base = ch.channel_of(str(record.get("url") or ""))
    return {
        "base_url": base,
        "build_number": record.get("build_number", 0),
        "build_string": record["build"],
        "channel": ch.display_name(base),
        "dist_name": f"{record['name']}-{record['version']}-{record['build']}",
        "name": record["name"],
        "platform": record.get("subdir", ""),
        "version": record["version"],
    }
