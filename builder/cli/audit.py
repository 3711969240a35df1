"""`imgbuild audit`: will it run there? Read from the compiled files, without a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import gpus, images
from builder.cli.documented import ends
from builder.cli.options import kit_option, upstream_options
from builder.errors import ProofError

if TYPE_CHECKING:
    from builder.workflow.audits import From
    from builder.workflow.sources import Asked


@command(
    "audit",
    examples=[
        "imgbuild audit finetune-cuda --gpu h100 --gpu l40s --driver 580",
        "imgbuild audit finetune-cuda --from archives --json",
    ],
    exits=ends(3, 4, 5, end_0="it runs there", end_6="something will not run"),
    pages=["audit", "gpus"],
)
@click.argument("name", metavar="ENV[@VARIANT]|IMAGE", shell_complete=images)
@click.option(
    "--gpu",
    "gpus",
    multiple=True,
    metavar="GPU",
    shell_complete=gpus,
    help="Judge for these GPUs in place of `targets:`.",
)
@click.option("--driver", metavar="VERSION", help="The lowest driver of the hosts, such as 580 or 525.60.13.")
@click.option(
    "--from",
    "reading",
    type=click.Choice(["auto", "image", "layers", "archives"]),
    default="auto",
    show_default=True,
    help="What is read: the image with its Python, its layers, or the lock's archives.",
)
@kit_option
@upstream_options
def audit(
    app: App,
    name: str,
    gpus: tuple[str, ...],
    driver: str | None,
    reading: From,
    kit: str | None,
    asked: Asked,
) -> None:
    """Read every compiled file and say on which GPUs it runs, what it does not find, and why."""
    from builder.report.audit import audit_text
    from builder.workflow.audits import Question
    from builder.workflow.audits import audit as answer

    with app.face() as observer:
        found = answer(app.project(), name, Question(gpus, driver, reading, kit, asked), observer)
    text = audit_text(found, color=app.color_on_stdout, width=app.width, every=app.verbose)
    document = {"passed": found.passed, **found.model_dump(mode="json")}
    if found.passed:
        app.result(text, document)
        return
    faults = [finding for finding in found.findings if finding.weight == "fault"]
    error = ProofError(
        f"{name} will not run everywhere: {faults[0].what}"
        + (f", and {len(faults) - 1} more" if len(faults) > 1 else ""),
        fix="mend it as the table says, or allow it in image.yml with a reason",
    )
    app.refused(text, document, error)


COMMAND = audit
