"""The command line: conda's commands and options, and the one place that turns errors into text and exit codes."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence

from builder.store.bootstrap.standin import (
    NAME,
    cmd_clean,
    cmd_config,
    cmd_create,
    cmd_info,
    cmd_list,
    cmd_run,
    cmd_shell,
    conda_version,
    parser,
    talk,
    tos,
)
from builder.store.bootstrap.standin.errors import ArgumentError, CondaError
from builder.store.bootstrap.standin.settings import Settings, load_settings

Command = Callable[[argparse.Namespace, Settings], int]

COMMANDS: dict[str, Command] = {
    "clean": cmd_clean.clean,
    "config": cmd_config.config,
    "create": cmd_create.create,
    "env config": cmd_config.env_config,
    "env create": cmd_create.env_create,
    "env list": cmd_info.env_list,
    "env remove": cmd_create.remove,
    "env update": cmd_create.unsolvable,
    "info": cmd_info.info,
    "init": cmd_shell.init,
    "install": cmd_create.install,
    "list": cmd_list.list_packages,
    "remove": cmd_create.remove,
    "rename": cmd_create.unsolvable,
    "run": cmd_run.run,
    "search": cmd_create.unsolvable,
    "tos": tos.command,
    "update": cmd_create.unsolvable,
}
ASKS_TERMS = frozenset({
    "create", "env create", "env remove", "env update", "install", "remove", "rename", "search", "update",
})  # fmt: skip
SHELL_WORDS = ("activate", "deactivate")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        if words and words[0].startswith("shell."):
            return cmd_shell.shell(words, dict(os.environ))
        if words[:1] in (["--version"], ["-V"]):
            talk.say(f"conda {conda_version()} ({NAME})")
            return 0
        return _dispatch(words)
    except CondaError as error:
        talk.report_error(error, as_json="--json" in _own_words(words))
        return error.code
    except OSError as error:
        talk.complain(f"CondaError: {error}")
        return 1
    except KeyboardInterrupt:
        talk.complain("CondaSignalInterrupt: Signal interrupt SIGINT")
        return 1


def _own_words(words: Sequence[str]) -> Sequence[str]:
    """The words that are conda's own: those after `run` belong to the program."""
    return words[: words.index("run")] if "run" in words else words


def _dispatch(words: list[str]) -> int:
    if words and words[0] in SHELL_WORDS:
        raise CondaError("Run 'conda init' before 'conda activate'")
    arguments = parser.build().parse_args(words)
    if arguments.command is None:
        parser.build().print_help()
        return 0
    name = f"env {arguments.subcommand}" if arguments.command == "env" else arguments.command
    if name == "env None":
        talk.say("usage: conda env {config,create,list,remove,update} ...")
        return 0
    arguments.told = shlex.join(["conda", *words])
    settings = load_settings(dict(os.environ), _command_line(arguments))
    if getattr(arguments, "override_channels", False):
        if not arguments.channel:
            raise ArgumentError(
                "At least one -c / --channel flag must be supplied when using --override-channels."
            )
        settings.override_channels = True
    if name in ASKS_TERMS:
        tos.check(settings)
    return COMMANDS[name](arguments, settings)


def _command_line(arguments: argparse.Namespace) -> dict[str, object]:
    """The options that are also settings; an option that was not given says nothing."""
    given: dict[str, object] = {
        "always_copy": getattr(arguments, "copy", False),
        "always_yes": getattr(arguments, "yes", False),
        "channels": getattr(arguments, "channel", None),
        "json": getattr(arguments, "json", False),
        "offline": getattr(arguments, "offline", False),
        "quiet": getattr(arguments, "quiet", False),
        "subdir": getattr(arguments, "subdir", None),
    }
    return {key: value for key, value in given.items() if value}
