"""What `--help` says beside the options: examples to copy, and exit codes. Groups that know near misses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

# What an exit code means wherever a command does not say it closer; the errors of builder/errors.py carry them.
ENDS = {
    0: "done",
    2: "wrong words, or problems in the definitions",
    3: "a lock is missing, stale, or cannot be made",
    4: "no container engine, or it cannot do what is asked",
    5: "a file cannot be had, or a build step failed",
    6: "not proven",
    7: "a registry cannot be asked",
    70: "a fault of imgbuild, with a log to attach",
    130: "interrupted; what was finished is kept",
}
_EVERY = (70, 130)


def ends(*codes: int, **closer: str) -> dict[str, str]:
    """The exit codes of a command, in order: 0 and 2, those given, and what every command may end with.

    closer: `end_6="it does not run there"` in place of the common words.
    """
    own = {int(name.removeprefix("end_")): says for name, says in closer.items()}
    wanted = sorted({0, 2, *codes, *own, *_EVERY})
    return {str(code): own.get(code, ENDS.get(code, "")) for code in wanted}


class Documented(click.Command):
    """A command whose help ends with examples and exit codes.

    examples: whole command lines, never folded, so that they can be copied. exits: exit code -> what it means. pages:
    the pages of docs/ about its subject, without `.md`.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        exits: Mapping[str, str] | None = None,
        pages: Sequence[str] = (),
        **rest: Any,
    ) -> None:
        super().__init__(*args, **rest)
        self.examples = tuple(examples)
        self.exits = dict(exits or {})
        self.pages = tuple(pages)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples and exit codes."""
        write_examples(formatter, self.examples)
        if self.exits:
            with formatter.section("Exit codes"):
                formatter.write_dl(list(self.exits.items()))
        super().format_epilog(ctx, formatter)


def write_examples(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    """A section of command lines as they are typed: a folded one could not be copied."""
    lines = list(examples)
    if lines:
        with formatter.section("Examples" if len(lines) > 1 else "Example"):
            for line in lines:
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class NearMisses(click.Group):
    """A group that knows what a mistyped command was to be, and shows its help where no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; without a word the help goes to stderr and the exit code is 2, for scripts."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with near misses for a mistyped name."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"no such command: {args[0]!r}{self.hint(args[0])}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def hint(self, word: str) -> str:
        """`; did you mean build?`, or nothing where no command is near."""
        near = difflib.get_close_matches(word, self.list_commands(click.Context(self)), n=2)
        return f"; did you mean {' or '.join(near)}?" if near else ""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first example of each of its commands."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        write_examples(formatter, [one.examples[0] for one in commands if isinstance(one, Documented)])
        write_closing(formatter, ctx.command_path)


def write_closing(formatter: click.HelpFormatter, group: str) -> None:
    """Where the exit codes of each command stand."""
    formatter.write_paragraph()
    formatter.write_text(f"`{group} COMMAND --help` has more examples, and the exit codes of each command.")


def walk(
    command: click.Command, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that can be typed, with the words for it after `imgbuild`; groups before what is in them."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from walk(inner, (*words, name))
