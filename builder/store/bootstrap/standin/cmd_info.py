"""info and env list: where things are."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from builder.store.bootstrap.standin import NAME, conda_version, environment, talk
from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin.errors import CondaError
from builder.store.bootstrap.standin.settings import Settings


def info(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print what conda knows about itself."""
    if arguments.base:
        talk.show_json({"root_prefix": str(settings.root)}) if arguments.json else talk.say(
            str(settings.root)
        )
        return 0
    if arguments.envs and not arguments.json:
        _print_environments(settings)
        return 0
    try:
        (settings.home / ".cache" / "conda" / "notices").mkdir(parents=True, exist_ok=True)
    except OSError as error:  # conda looks for its notices' cache here, and does without none
        raise CondaError(f"{error}") from error
    facts = _facts(settings)
    if arguments.json:
        talk.show_json(facts)
        return 0
    talk.say("")
    for key, value in facts.items():
        lines = value if isinstance(value, list) else [value]
        for position, line in enumerate(lines or [""]):
            talk.say(f"{key.replace('_', ' ') + ' :' if position == 0 else '':>24} {line}")
    talk.say("")
    return 0


def _facts(settings: Settings) -> dict[str, object]:
    active = settings.env.get("CONDA_PREFIX")
    urls = ch.channel_urls(settings.channels)
    name, version = platform.libc_ver()
    return {
        "active_prefix": active,
        "active_prefix_name": environment.name_of(settings, Path(active)) if active else None,
        "channels": [f"{url}/{subdir}" for url in urls for subdir in (settings.subdir, "noarch")],
        "conda_location": str(Path(__file__).parent),
        "conda_prefix": str(settings.root),
        "conda_version": conda_version(),
        "config_files": settings.files(),
        "default_prefix": active or str(settings.root),
        "env_vars": {k: v for k, v in settings.env.items() if k.startswith(("CONDA", "_CE_", "PATH", "PYTHON"))},
        "envs": [str(prefix) for prefix in environment.all_environments(settings)],
        "envs_dirs": [str(folder) for folder in settings.envs_dirs],
        "offline": settings.flag("offline"),
        "pkgs_dirs": [str(folder) for folder in settings.pkgs_dirs],
        "platform": settings.subdir,
        "python_version": f"{platform.python_version()}.final.0",
        "rc_path": str(settings.home / ".condarc"),
        "root_prefix": str(settings.root),
        "root_writable": os.access(settings.root, os.W_OK),
        "stand_in": NAME,
        "sys.executable": sys.executable,
        "sys.prefix": sys.prefix,
        "user_rc_path": str(settings.home / ".condarc"),
        "virtual_pkgs": [["__unix", "0", "0"], ["__linux", platform.release().split("-")[0], "0"],
                         [f"__{name or 'glibc'}", version, "0"]],
    }  # fmt: skip


def env_list(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print every environment that can be found."""
    if not arguments.json:
        _print_environments(settings)
        return 0
    prefixes = environment.all_environments(settings)
    active = settings.env.get("CONDA_PREFIX")
    details = {
        str(prefix): {
            "active": str(prefix) == active,
            "base": prefix == settings.root,
            "frozen": (prefix / "conda-meta" / "frozen").is_file(),
            "name": environment.name_of(settings, prefix),
            "writable": os.access(prefix, os.W_OK),
        }
        for prefix in prefixes
    }
    talk.show_json({"envs": [str(prefix) for prefix in prefixes], "envs_details": details})
    return 0


def _print_environments(settings: Settings) -> None:
    talk.say("\n# conda environments:\n#\n# * -> active\n# + -> frozen")
    active = settings.env.get("CONDA_PREFIX")
    for prefix in environment.all_environments(settings):
        marks = "*" if str(prefix) == active else " "
        marks += "+" if (prefix / "conda-meta" / "frozen").is_file() else " "
        talk.say(f"{environment.name_of(settings, prefix):<20} {marks:<3} {prefix}")
    talk.say("")
