"""list: what is in an environment, for people, as JSON, or as an explicit file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from builder.store.bootstrap.standin import conda_version, environment, talk
from builder.store.bootstrap.standin.errors import ArgumentError, CondaValueError
from builder.store.bootstrap.standin.settings import Settings

PYPI = {"base_url": "https://conda.anaconda.org/pypi", "build_number": 0, "build_string": "pypi_0",
        "channel": "pypi", "platform": "pypi"}  # fmt: skip


def list_packages(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the packages; exit code 1 where the directory is no environment."""
    prefix = environment.check_exists(environment.prefix_for(settings, arguments.name, arguments.prefix))
    if (arguments.md5 or arguments.sha256) and not arguments.explicit:
        raise ArgumentError("--md5 and --sha256 need --explicit.")
    if arguments.md5 and arguments.sha256:
        raise ArgumentError("Only one of --md5 and --sha256 can be given.")
    if arguments.explicit:
        _explicit(
            environment.ordered_records(prefix),
            settings,
            "md5" if arguments.md5 else arguments.sha256 and "sha256",
        )
        return 0
    rows = [environment.list_row(record) for record in environment.records(prefix)]
    if not arguments.no_pip:
        rows += [
            PYPI | {"name": name, "version": version, "dist_name": f"{name}-{version}-pypi_0"}
            for name, version in environment.pip_packages(prefix)
        ]
    chosen = sorted(filter(_chooser(arguments), rows), key=lambda row: str(row["name"]))
    if arguments.regex and not chosen:
        raise CondaValueError(f"No packages match '{arguments.regex}'.")
    if settings.flag("json"):
        talk.show_json([row["dist_name"] for row in chosen] if arguments.canonical else chosen)
    else:
        _print(arguments, chosen, str(prefix))
    return 0


def _chooser(arguments: argparse.Namespace) -> Callable[[dict[str, Any]], bool]:
    if not arguments.regex:
        return lambda row: True
    pattern = re.compile(f"^{arguments.regex}$" if arguments.full_name else arguments.regex, re.IGNORECASE)
    return lambda row: pattern.search(str(row["name"])) is not None


def _explicit(records: list[dict[str, Any]], settings: Settings, digest: str | bool) -> None:
    talk.say("# This file may be used to create an environment using:")
    talk.say("# $ conda create --name <env> --file <this file>")
    talk.say(f"# platform: {settings.subdir}\n# created-by: conda {conda_version()}\n@EXPLICIT")
    for record in records:
        url, hashed = record.get("url"), record.get(str(digest)) if digest else None
        if not url:
            talk.say(f"# no URL for: {record.get('fn')}")
        else:
            talk.say(f"{url}#{hashed}" if hashed else str(url))


def _print(arguments: argparse.Namespace, rows: list[dict[str, Any]], prefix: str) -> None:
    if arguments.canonical:
        for row in rows:
            talk.say(f"{row['channel']}/{row['platform']}::{row['dist_name']}")
        return
    if arguments.export:
        talk.say("# This file may be used to create an environment using:")
        talk.say("# $ conda create --name <env> --file <this file>")
        for row in rows:
            talk.say(f"{row['name']}={row['version']}={row['build_string']}")
        return
    talk.say(f"# packages in environment at {prefix}:\n#")
    talk.say(f"# {'Name':<23} {'Version':<15} {'Build':<15} Channel")
    for row in rows:
        talk.say(f"{row['name']:<25} {row['version']:<15} {row['build_string']:<15} {row['channel']}")
