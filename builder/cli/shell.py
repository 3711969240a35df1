"""`imgbuild shell`: a shell in an image, with the environment active."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.attended import PROGRAM_ENDS, attend_here, run_options
from builder.cli.complete_values import environments

if TYPE_CHECKING:
    from builder.workflow.running.prepare import Wish


@command(
    "shell",
    verbose=("--verbose",),
    examples=[
        "imgbuild shell regression",
        "imgbuild shell finetune-cuda --gpus all -v ~/data:/data:ro",
    ],
    exits=PROGRAM_ENDS,
    pages=["run"],
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@run_options
def shell(app: App, name: str, wish: Wish) -> None:
    """Open a shell in an image: in this directory, as you, with the GPUs there are."""
    attend_here(app, name, replace(wish, argv=("bash",)), hang_up=True)


COMMAND = shell
