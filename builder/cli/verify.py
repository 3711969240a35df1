"""`imgbuild verify`: is this image what its definition and lock say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments, images
from builder.cli.documented import ends
from builder.cli.options import kit_option, platform_option, prefix_option, upstream_options
from builder.errors import PublishError

if TYPE_CHECKING:
    from builder.spec.model import Platform
    from builder.verify.model import Verified
    from builder.workflow.sources import Asked
    from builder.workflow.whose import Where


@command(
    "verify",
    examples=[
        "imgbuild verify regression",
        "imgbuild verify registry.example.org/team/train --deep --env finetune-cuda",
    ],
    exits=ends(
        3, 4, 5, end_0="it is what its lock says", end_7="something differs, or the registry cannot be asked"
    ),
    pages=["verify"],
)
@click.argument("name", metavar="IMAGE|ENV[@VARIANT]", shell_complete=images)
@click.option(
    "--env",
    metavar="ENV[@VARIANT]",
    shell_complete=environments,
    help="What it must be. Default: as its name or its label says.",
)
@click.option(
    "--from",
    "where",
    type=click.Choice(["auto", "engine", "registry"]),
    default="auto",
    show_default=True,
    help="Where the image is looked for.",
)
@click.option(
    "--deep/--shallow",
    "deep",
    default=None,
    help="Read every file, or labels, configuration and layers only. Default: files of images in the engine.",
)
@platform_option
@prefix_option
@kit_option
@upstream_options
def verify(
    app: App,
    name: str,
    env: str | None,
    where: Where,
    deep: bool | None,
    platform: Platform | None,
    prefix: str,
    kit: str | None,
    asked: Asked,
) -> None:
    """Hold an image against the committed definition and its lock, and name everything that differs.

    What each file must be is worked out from the archives that the lock names; nothing of the image is run or believed.
    """
    from builder.report.verify import verified_text
    from builder.workflow.verifying import verify as answer
    from builder.workflow.whose import Question

    with app.face() as observer:
        found = answer(
            app.project(), name, Question(env, where, deep, platform, kit, prefix, asked), observer
        )
    text = verified_text(found, color=app.color_on_stdout, width=app.width, every=app.verbose)
    document = {"passed": found.passed, **found.model_dump(mode="json")}
    if found.passed:
        app.result(text, document)
        return
    app.refused(text, document, _error(found))


def _error(found: Verified) -> PublishError:
    count = len(found.drifts)
    return PublishError(
        f"{found.image} is not what {found.ref} is locked to be: {count} difference{'s' if count > 1 else ''}",
        where=found.digest[:19],
        fix=f"do not run it where that matters; build it anew from the lock: imgbuild build {found.ref} --force",
    )


COMMAND = verify
