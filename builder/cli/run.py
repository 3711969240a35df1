"""`imgbuild run`: a program in an image, with this directory, these GPUs, this terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.attended import PROGRAM_ENDS, BeforeProgram, attend_here, leave_here, run_options
from builder.cli.complete_values import environments, files

if TYPE_CHECKING:
    from builder.workflow.running.prepare import Wish


@command(
    "run",
    verbose=("--verbose",),
    cls=BeforeProgram,
    examples=[
        "imgbuild run regression python train.py --epochs 3",
        "imgbuild run regression -e HF_TOKEN -p 8888 -- jupyter lab --ip 0.0.0.0",
        "imgbuild run finetune-cuda --gpus 0,1 --shm-size 16g -d -- python train.py",
    ],
    exits=PROGRAM_ENDS,
    pages=["run"],
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@click.argument("words", nargs=-1, metavar="[--] [COMMAND...]", shell_complete=files, type=click.UNPROCESSED)
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
