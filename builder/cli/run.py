"""`imgbuild run`: a program in an image, with this directory, these GPUs, this terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.attended import BeforeProgram, attend_here, leave_here, run_options

if TYPE_CHECKING:
    from builder.workflow.running.prepare import Wish


@command(
    "run",
    verbose=("--verbose",),
    cls=BeforeProgram,
    epilog="Example: imgbuild run regression -e HF_TOKEN -p 8888 -- python train.py --epochs 3   "
    "The exit code is the program's; 125 when it was not started.",
)
@click.argument("name", metavar="ENV[@VARIANT]")
@click.argument("words", nargs=-1, metavar="[--] [COMMAND...]", type=click.UNPROCESSED)
@run_options
@click.option("-d", "--detach", is_flag=True, help="Leave it running and print its container's name.")
def run(app: App, name: str, words: tuple[str, ...], wish: Wish, detach: bool) -> None:
    """Run a program in an image: in this directory, as you, with the GPUs there are."""
    wish = replace(wish, argv=words)
    if detach:
        leave_here(app, name, wish)
    else:
        attend_here(app, name, wish)


COMMAND = run
