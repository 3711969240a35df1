"""`imgbuild help`: what `--help` prints, for those who type it first."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.complete_values import command_words
from builder.cli.documented import ends


@command(
    "help",
    examples=["imgbuild help build", "imgbuild help kit create"],
    exits=ends(end_2="there is no such command"),
)
@click.argument("words", nargs=-1, metavar="[COMMAND]...", shell_complete=command_words)
def help_(app: App, words: tuple[str, ...]) -> None:
    """Print the help of a command, or without one the list of all commands."""
    context = click.get_current_context().find_root()
    rest = list(words)
    while rest and isinstance(context.command, click.Group):
        name, found, rest = context.command.resolve_command(context, rest)
        if found is None:
            break
        context = click.Context(found, info_name=name, parent=context)
    if rest:
        raise click.UsageError(f"no such command: {' '.join(words)!r}", ctx=context)
    text = context.get_help()
    app.result(text, {"help": text})


COMMAND = help_
