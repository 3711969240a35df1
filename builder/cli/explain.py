"""`imgbuild explain`: what would be rebuilt, and which input changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import ends
from builder.cli.options import kit_option, prefix_option, upstream_options

if TYPE_CHECKING:
    from builder.workflow.sources import Asked


@command(
    "explain",
    examples=[
        "imgbuild explain regression",
        "imgbuild explain finetune-cuda@cu126 --json",
    ],
    exits=ends(4, 5, end_0="told, also where a build would stop"),
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@prefix_option
@kit_option
@upstream_options
def explain(app: App, name: str, prefix: str, kit: str | None, asked: Asked) -> None:
    """Say what a build would do with the image that is there: which input is another, which steps are done again.

    Nothing is built, fetched or written.
    """
    from builder.report.explain import explained_text
    from builder.workflow.explaining import explain as answer

    with app.face() as observer:
        found = answer(app.project(), name, kit=kit, prefix=prefix, asked=asked, observer=observer)
    text = explained_text(found, color=app.color_on_stdout, width=app.width)
    app.result(text, found.model_dump(mode="json"))


COMMAND = explain
