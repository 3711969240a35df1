"""Which commands there are, by what one does with them; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from builder.cli.documented import ENDS, NearMisses, write_closing, write_examples


class Entry(NamedTuple):
    """A command in the list of `imgbuild --help`. module: its file in builder/cli; says: one phrase, up to 60 signs.

    The phrase stands here and not in the module, so that the list costs no import of any command.
    """

    module: str
    says: str


# In the order of the work; `--help`, completion and docs/cli have it from here.
SECTIONS: dict[str, dict[str, Entry]] = {
    "Define": {
        "init": Entry("init", "Make an environment, from nothing or another tool's file"),
        "list": Entry("list_", "List the images of this project, their locks and proofs"),
        "show": Entry("show", "Show a definition with all that is merged into it"),
        "check": Entry("check", "Find every problem of the definitions at once"),
        "schema": Entry("schema", "Print the JSON schema of image.yml, for editors"),
    },
    "Lock": {
        "lock": Entry("lock", "Solve and write the locks, so that a build never has to"),
        "outdated": Entry("outdated", "Say what is behind, and what an update would bring"),
        "diff": Entry("diff", "Compare two locks or two images"),
    },
    "Build and prove": {
        "plan": Entry("plan", "Say what a build would do, and what it costs"),
        "explain": Entry("explain", "Say which input changed, and what is built again"),
        "render": Entry("render", "Print the Dockerfile, or write its whole context"),
        "build": Entry("build", "Build images and prove them"),
        "test": Entry("test", "Prove an image again, through every way into it"),
    },
    "Run": {
        "run": Entry("run", "Run a program in an image: here, as you, with the GPUs"),
        "shell": Entry("shell", "Open a shell in an image: here, as you, with the GPUs"),
    },
    "Publish": {
        "push": Entry("push", "Push a proven image, and move its tags last"),
        "promote": Entry("promote", "Put a proven image of a registry under another tag"),
    },
    "Check an image": {
        "verify": Entry("verify", "Hold an image against its definition and lock"),
        "audit": Entry("audit", "Say on which GPUs the compiled files of an image run"),
        "sbom": Entry("sbom", "List every package of an image, and its licence"),
        "check-host": Entry("check_host", "Say whether an image runs on this machine, or another"),
    },
    "Housekeeping": {
        "doctor": Entry("doctor", "Say what this machine has, and what it would take"),
        "clean": Entry("clean", "Say what builds have left, and take it away"),
        "kit": Entry("kit", "Make and check kits, for places without a network"),
        "data": Entry("data", "Read the tables of CUDA and torch builds anew"),
        "completion": Entry("completion", "Make a shell complete commands, names and GPUs"),
        "help": Entry("help_", "Print the help of a command"),
    },
}
EXAMPLES = (
    "imgbuild init train && imgbuild build train",
    "imgbuild run train python -V",
    "imgbuild push train --to registry.example.org/team/train",
)
ALL_ENDS = {
    **ENDS,
    6: "not proven: a test failed, or it will not run there",
    7: "not pushed, not as it was locked, or a registry cannot be asked",
}
# What people try, from conda, docker, git, uv and others -> what does it here.
ELSEWHERE = {
    "add": "init", "create": "init", "new": "init",
    "ls": "list", "images": "list",
    "inspect": "show", "lint": "check", "validate": "check",
    "compile": "lock", "solve": "lock", "update": "lock --upgrade", "upgrade": "lock --upgrade",
    "exec": "run", "start": "run", "activate": "shell",
    "publish": "push", "tag": "promote",
    "gc": "clean", "prune": "clean", "remove": "clean", "rm": "clean",
    "info": "doctor", "version": "--version",
}  # fmt: skip
_FLAGS = {"--json": "--json", "-q": "--quiet", "--quiet": "--quiet", "-v": "--verbose", "--verbose": "--verbose",
          "--offline": "--offline"}  # fmt: skip
_VALUED = ("-C", "--color")
COMMANDS: dict[str, Entry] = {name: entry for rows in SECTIONS.values() for name, entry in rows.items()}


class Commands(NearMisses):
    """Imports a command's module when it is asked for, so that one command does not pay for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None where there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(f"builder.cli.{entry.module}").COMMAND
        command.short_help = entry.says
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; common options may stand before the command as well, as `imgbuild -C DIR list`."""
        before, rest = _leading(args)
        words = 2 if rest[1:] and isinstance(self.get_command(ctx, rest[0]), click.Group) else 1
        try:
            return super().parse_args(ctx, [*rest[:words], *before, *rest[words:]] if rest else rest)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            said = f"no such option: {error.option_name}; options of a command stand behind its name"
            raise click.UsageError(said, ctx=ctx) from error

    def hint(self, word: str) -> str:
        """Also words that other tools have for ours, and environments, whose commands were forgotten."""
        near = super().hint(word)
        if word in ELSEWHERE:
            return f"; did you mean `imgbuild {ELSEWHERE[word]}`?"
        if not near and word.partition("@")[0] in _environments():
            return f"; it is an environment: `imgbuild build {word}`?"
        return near

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """As click does, without importing every command for its phrase."""
        return [
            *(
                CompletionItem(name, help=one.says)
                for name, one in COMMANDS.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section, in one column for all of them; no command is imported for it."""
        widest = max(map(len, COMMANDS))
        for title, rows in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), entry.says) for name, entry in rows.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """How one begins, and what an exit code means, whatever the command."""
        write_examples(formatter, EXAMPLES)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), says) for code, says in ALL_ENDS.items()])
        formatter.write_paragraph()
        formatter.write_text(
            "Every command takes -C DIR, --json, -q, -v, --offline and --color, before its name or after it."
        )
        write_closing(formatter, ctx.command_path)


def _leading(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The common options before the command, by names that every command has, and the words from the command on."""
    before: list[str] = []
    rest = list(args)
    while rest:
        if rest[0] in _FLAGS:
            before.append(_FLAGS[rest.pop(0)])
        elif rest[0] in _VALUED and len(rest) > 1:
            before += [rest.pop(0), rest.pop(0)]
        elif rest[0].startswith("--color=") or (rest[0].startswith("-C") and len(rest[0]) > len("-C")):
            before.append(rest.pop(0))
        else:
            break
    return before, rest


def _environments() -> list[str]:
    from builder.errors import UsageError
    from builder.spec.project import find_project

    try:
        return find_project().names()
    except UsageError:
        return []
