"""The options of every command, with conda's names."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from builder.store.bootstrap.standin import NAME, conda_version

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  (it has no other name)


def build() -> argparse.ArgumentParser:
    """The parser of `conda`. Unknown commands and options end with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="conda",
        description=f"conda {conda_version()}, {NAME}: conda's contract without its solver and its network.",
    )
    parser.add_argument("-v", "--verbose", action="count", default=0)
    parser.add_argument("-V", "--version", action="version", version=f"conda {conda_version()} ({NAME})")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _clean(commands)
    _config(commands)
    _create(commands.add_parser("create", help="Make a new environment from packages."))
    _env(commands)
    _info(commands)
    _init(commands)
    _install(commands.add_parser("install", help="Install packages into an environment."))
    _list(commands)
    _remove(commands.add_parser("remove", aliases=[], help="Remove an environment."))
    _run(commands)
    for name in ("rename", "search", "update"):
        _install(commands.add_parser(name, help="Needs a solver and channels; fails here."))
    _tos(commands)
    return parser


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Report all output as JSON.")
    parser.add_argument("-q", "--quiet", action="store_true", help="Do not display progress.")
    parser.add_argument("-v", "--verbose", action="count", default=0)
    parser.add_argument("--debug", "--trace", action="store_true", help=argparse.SUPPRESS)


def _confirm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="Do not ask for confirmation.")
    parser.add_argument("-d", "--dry-run", action="store_true", help="Only say what would be done.")


def _target(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("-n", "--name", metavar="ENVIRONMENT", help="Name of environment.")
    group.add_argument("-p", "--prefix", metavar="PATH", help="Full path to environment location.")


def _channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--channel", action="append", help="Additional channel to search.")
    parser.add_argument(
        "-O", "--override-channels", action="store_true", help="Search no configured channel."
    )
    parser.add_argument("--offline", action="store_true", help="Offline mode.")
    parser.add_argument("--subdir", "--platform", help="Use packages for this platform.")
    parser.add_argument("-k", "--insecure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-C", "--use-index-cache", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--strict-channel-priority", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--no-channel-priority", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--repodata-fn", action="append", help=argparse.SUPPRESS)
    parser.add_argument("--solver", choices=["classic", "libmamba", "rattler"], help=argparse.SUPPRESS)


def _packages(parser: argparse.ArgumentParser) -> None:
    _channels(parser)
    _confirm(parser)
    _output(parser)
    parser.add_argument("-f", "--file", action="append", default=[], help="Read packages from this file.")
    parser.add_argument("--copy", action="store_true", help="Copies instead of hard links.")
    parser.add_argument("--download-only", action="store_true", help="Ignored for explicit files.")
    parser.add_argument("--no-deps", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--override-frozen", action="store_true", help="Change a frozen environment.")
    parser.add_argument("packages", nargs="*", metavar="package_spec")


def _create(parser: argparse.ArgumentParser) -> None:
    _target(parser, required=True)
    _packages(parser)
    parser.add_argument("--no-default-packages", action="store_true", help="Ignore create_default_packages.")


def _install(parser: argparse.ArgumentParser) -> None:
    _target(parser)
    _packages(parser)


def _remove(parser: argparse.ArgumentParser) -> None:
    _target(parser)
    _packages(parser)
    parser.add_argument("--all", action="store_true", help="Remove the whole environment.")


def _env_remove(parser: argparse.ArgumentParser) -> None:
    """No channels and no --offline: conda takes neither here, although terms of service are asked about."""
    _target(parser)
    _confirm(parser)
    _output(parser)
    parser.add_argument("--override-frozen", action="store_true", help="Remove a frozen environment.")
    parser.set_defaults(all=True, packages=[])


def _env_create(parser: argparse.ArgumentParser) -> None:
    """No channels either; an environment that exists is made anew without a question."""
    _target(parser)
    _confirm(parser)
    _output(parser)
    parser.add_argument("-f", "--file", action="append", default=[], help="Read packages from this file.")
    parser.add_argument("--offline", action="store_true", help="Offline mode.")
    parser.add_argument("--subdir", "--platform", help="Use packages for this platform.")
    parser.add_argument("--no-default-packages", action="store_true", help="Ignore create_default_packages.")
    parser.set_defaults(packages=[], override_frozen=True)


def _env(commands: Commands) -> None:
    parser = commands.add_parser("env", help="Create, list and remove environments.")
    actions = parser.add_subparsers(dest="subcommand", metavar="COMMAND")
    listing = actions.add_parser("list", help="List environments.")
    _output(listing)
    removing = actions.add_parser("remove", help="Remove an environment.")
    _env_remove(removing)
    _env_create(actions.add_parser("create", help="Make an environment from a file."))
    _install(actions.add_parser("update", help="Needs a solver; fails here."))
    variables = actions.add_parser("config", help="Variables that activation sets.")
    variables.add_argument("vars", choices=["vars"])
    variables.add_argument("action", choices=["list", "set", "unset"])
    variables.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    _target(variables)
    _output(variables)


def _list(commands: Commands) -> None:
    parser = commands.add_parser("list", help="List the packages of an environment.")
    _target(parser)
    _output(parser)
    parser.add_argument("-c", "--canonical", action="store_true", help="Print name-version-build only.")
    parser.add_argument("-e", "--export", action="store_true", help="Print name=version=build.")
    parser.add_argument("--explicit", action="store_true", help="Print the addresses of the packages.")
    parser.add_argument("--md5", action="store_true", help="Add md5 sums to --explicit.")
    parser.add_argument("--sha256", action="store_true", help="Add sha256 sums to --explicit.")
    parser.add_argument("-f", "--full-name", action="store_true", help="Match the whole name.")
    parser.add_argument("--no-pip", action="store_true", help="Leave out what pip installed.")
    parser.add_argument("--show-channel-urls", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("regex", nargs="?", help="List packages whose name matches.")


def _run(commands: Commands) -> None:
    parser = commands.add_parser("run", help="Run a program in an environment.")
    _target(parser)
    parser.add_argument("-v", "--verbose", action="count", default=0)
    parser.add_argument("--dev", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--debug-wrapper-scripts", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--cwd", help="Working directory of the program.")
    parser.add_argument(
        "--no-capture-output", "--live-stream", "-s", action="store_true", help="Pass output on as it comes."
    )
    parser.add_argument("executable_call", nargs=argparse.REMAINDER, metavar="CMD")


def _info(commands: Commands) -> None:
    parser = commands.add_parser("info", help="Show where things are.")
    _output(parser)
    parser.add_argument("-a", "--all", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-e", "--envs", action="store_true", help="List environments.")
    parser.add_argument("--base", action="store_true", help="Print the base prefix.")
    parser.add_argument("--offline", action="store_true", help=argparse.SUPPRESS)


def _clean(commands: Commands) -> None:
    parser = commands.add_parser("clean", help="Remove caches and unused packages.")
    _confirm(parser)
    _output(parser)
    parser.add_argument("-a", "--all", action="store_true", help="All but --force-pkgs-dirs.")
    parser.add_argument("-i", "--index-cache", action="store_true")
    parser.add_argument("-p", "--packages", action="store_true", help="Unused unpacked packages.")
    parser.add_argument("-t", "--tarballs", action="store_true")
    parser.add_argument("-f", "--force-pkgs-dirs", action="store_true", help="All package directories.")
    parser.add_argument("-c", "--tempfiles", nargs="*")
    parser.add_argument("-l", "--logfiles", action="store_true")


def _config(commands: Commands) -> None:
    parser = commands.add_parser("config", help="Show and change settings.")
    _output(parser)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--system", action="store_true", help="Write to the base prefix's .condarc.")
    place.add_argument("--env", action="store_true", help="Write to the active environment's .condarc.")
    place.add_argument("--file", help="Write to this file.")
    action = parser.add_mutually_exclusive_group()  # without one nothing happens, and that is no error
    action.add_argument("--show", nargs="*", metavar="KEY")
    action.add_argument("--show-sources", action="store_true")
    action.add_argument("--get", nargs="*", metavar="KEY")
    action.add_argument("--set", nargs=2, action="append", metavar=("KEY", "VALUE"))
    action.add_argument("--add", "--prepend", nargs=2, action="append", metavar=("KEY", "VALUE"))
    action.add_argument("--append", nargs=2, action="append", metavar=("KEY", "VALUE"))
    action.add_argument("--remove", nargs=2, action="append", metavar=("KEY", "VALUE"))
    action.add_argument("--remove-key", action="append", metavar="KEY")


def _init(commands: Commands) -> None:
    parser = commands.add_parser("init", help="Make new shells know `conda activate`.")
    _output(parser)
    parser.add_argument("shells", nargs="*", default=["bash"], metavar="SHELL")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--reverse", action="store_true", help="Undo it.")
    parser.add_argument("-d", "--dry-run", action="store_true")


def _tos(commands: Commands) -> None:
    parser = commands.add_parser("tos", help="Terms of service of channels.")
    parser.add_argument("action", nargs="?", choices=["accept", "reject", "view", "info"], default="info")
    parser.add_argument("-c", "--channel", action="append")
    parser.add_argument("-O", "--override-channels", action="store_true")
    place = parser.add_mutually_exclusive_group()
    for name in ("user", "system", "site"):
        place.add_argument(f"--{name}", dest="place", action="store_const", const=name, default="user")
    _output(parser)
