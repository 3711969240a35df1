"""`imgbuild check-host`: will this image run on this machine? Nothing is pulled and nothing is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import gpus, images
from builder.cli.documented import ends
from builder.cli.options import platform_option, prefix_option
from builder.errors import ProofError

if TYPE_CHECKING:
    from builder.workflow.hosts import Checked, Source


@command(
    "check-host",
    examples=[
        "imgbuild check-host finetune-cuda",
        "imgbuild check-host example.org/team/finetune:1 --gpu h100 --driver 580",
    ],
    exits=ends(4, 5, 7, end_0="it runs there", end_6="it does not run there, or that is not known"),
    pages=["check-host"],
)
@click.argument("image", metavar="ENV[@VARIANT]|IMAGE", shell_complete=images)
@click.option(
    "--gpu",
    "gpus",
    multiple=True,
    metavar="GPU",
    shell_complete=gpus,
    help="Another machine than this one: its GPU.",
)
@click.option("--driver", metavar="VERSION", help="Another machine than this one: its NVIDIA driver.")
@click.option(
    "--from",
    "source",
    type=click.Choice(["auto", "engine", "registry"]),
    default="auto",
    show_default=True,
    help="Who is asked for the image: the engine, its registry, or the one after the other.",
)
@platform_option
@prefix_option
def check_host(
    app: App,
    image: str,
    gpus: tuple[str, ...],
    driver: str | None,
    source: Source,
    platform: str | None,
    prefix: str,
) -> None:
    """Say whether an image runs on this machine: platform, driver, GPUs, container toolkit.

    The image's labels and variables are read in the engine or the registry; nothing is pulled. What is not known is
    never counted as a yes.
    """
    from builder.workflow.hosts import Question
    from builder.workflow.hosts import check_host as answer

    question = Question(gpus, driver, source, platform, prefix)
    with app.face() as observer:
        found = answer(app.project(), image, question, observer)
    document = {"passed": found.fits == "yes", **found.model_dump(mode="json")}
    text = _text(app, found)
    if found.fits == "yes":
        app.result(text, document)
        return
    error = _error(found)
    app.refused(text, document, error)


def _error(found: Checked) -> ProofError:
    first = next(point for point in found.points if point.fits == found.fits)
    where = "there" if found.host.asked else "on this machine"
    reason = f"{first.what}: {first.note or f'{first.needs}; it has {first.has}'}"
    if found.fits == "no":
        return ProofError(f"{found.image} does not run {where}: {reason}", fix=first.fix)
    return ProofError(
        f"whether {found.image} runs {where} is not known: {reason}",
        fix=first.fix or "nothing unknown counts as a yes",
    )


def _text(app: App, found: Checked) -> str:
    from builder.report.host import SAID, host_text, looked_text, points_text

    subject = found.subject
    head = (
        f"{found.image}" if subject is None else f"{subject.name}  {subject.id}  (from the {subject.place})"
    )
    parts = [
        f"{head}\n{host_text(found.host)}",
        points_text(found.points, color=app.color_on_stdout, width=app.width),
    ]
    if app.verbose and found.host.looked:
        parts.append("looked at:\n" + looked_text(found.host.looked))
    asked = found.host.asked and found.said in {"labels", "variables"}
    toolkit = "; its container toolkit was not asked for" if asked else ""
    parts.append(f"verdict: {SAID[found.fits]}{toolkit}")
    return "\n\n".join(parts)


COMMAND = check_host
