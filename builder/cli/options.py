"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from builder.cli.app import App

F = TypeVar("F", bound=Callable[..., Any])

PLATFORMS = ("linux/amd64", "linux/arm64")


def kit_option(function: F) -> F:
    """`--kit DIR`."""
    return click.option(
        "--kit", metavar="DIR", help="Take locks and bytes from this kit (`none`: the committed locks)."
    )(function)


def platform_option(function: F) -> F:
    """`--platform P`."""
    return click.option("--platform", type=click.Choice(PLATFORMS), help="Default: this machine's.")(function)


def locked_option(function: F) -> F:
    """`--locked`."""
    return click.option(
        "--locked", is_flag=True, help="Stop with code 3 where a lock is missing (as with CI set)."
    )(function)


def names_argument(function: F) -> F:
    """`[ENV[@VARIANT]...] | --all`."""
    named = click.argument("names", nargs=-1, metavar="[ENV[@VARIANT]]...")(function)
    return click.option("--all", "every", is_flag=True, help="All images of the project.")(named)


def images_named(app: App, names: Sequence[str], every: bool) -> list[str]:
    """The images a command works on: those given, or all of the project with their variants."""
    if every and names:
        raise click.UsageError("give names or --all, not both")
    if names:
        return list(dict.fromkeys(names))
    if not every:
        raise click.UsageError("which image? give names (see `imgbuild list`) or --all")
    from builder.spec.load import load_all

    return [spec.ref for spec in load_all(app.project())]
