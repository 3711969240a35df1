"""`imgbuild diff`: two locks or images side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.boundary import Told
from builder.cli.complete_values import directories, sides
from builder.cli.documented import ends
from builder.cli.options import PLATFORMS, prefix_option
from builder.spec.model import Platform

if TYPE_CHECKING:
    from builder.lock.compare import LockDiff
    from builder.verify.compare import ImageDiff
    from builder.workflow.sides import Side

_DIFFERENT = 1  # with --exit-code, as git and diff have it


@command(
    "diff",
    examples=[
        "imgbuild diff regression",
        "imgbuild diff v1.2:regression regression --json",
        "imgbuild diff kit:./kit:regression regression --exit-code",
    ],
    exits=ends(3, 4, 5, 7, end_1="there are differences, with --exit-code"),
    pages=["locks", "verify"],
)
@click.argument("old", metavar="A", shell_complete=sides)
@click.argument("new", metavar="[B]", shell_complete=sides, required=False)
@click.option(
    "--platform",
    "platforms",
    type=click.Choice(PLATFORMS),
    multiple=True,
    help="Default: all that are locked.",
)
@click.option(
    "--kit", metavar="DIR", shell_complete=directories, help="Plain names mean the locks of this kit."
)
@prefix_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 where there are differences.")
def diff(
    app: App,
    old: str,
    new: str | None,
    platforms: tuple[Platform, ...],
    kit: str | None,
    prefix: str,
    exit_code: bool,
) -> None:
    """Compare two locks or images: packages, base, installer, channels, bytes; size, CUDA, driver, GPUs, tests.

    A and B are ENV[@VARIANT] (the lock of the working tree), REV:ENV[@VARIANT] (of a git revision), kit:DIR:ENV, a
    conda-lock.yml, a folder with lock files, or an image: image:ENV, image:NAME, a name with its registry. A alone is
    an ENV: HEAD's lock is compared with the working tree's.
    """
    from builder.workflow.sides import compared, two_sides

    before, after = two_sides(app.project(), old, new, kit, prefix)
    found, images = compared(before, after, platforms), _images(before, after)
    different = not all(one.empty for one in found) or (images is not None and not images.empty)
    document = _document(before, after, found, different)
    if images is not None:
        document["images"] = images.model_dump(mode="json")
    app.result(_text(app, before, after, found, images), document)
    if different and exit_code:
        raise Told(_DIFFERENT)


def _images(before: Side, after: Side) -> ImageDiff | None:
    """What the two images say beside their locks; None where one side is a lock alone."""
    from builder.verify.compare import compare_images

    if before.image is None or after.image is None:
        return None
    return compare_images(before.image, after.image)


def _document(before: Side, after: Side, found: tuple[LockDiff, ...], different: bool) -> dict[str, object]:
    rows = [{**one.model_dump(mode="json"), "counts": one.counts} for one in found]
    return {"old": before.label, "new": after.label, "different": different, "platforms": rows}


def _text(app: App, before: Side, after: Side, found: tuple[LockDiff, ...], images: ImageDiff | None) -> str:
    from builder.report.changes import summary, told
    from builder.report.images import images_text

    lines = [f"{before.label} -> {after.label}"]
    if images is not None:
        lines.append(images_text(images, color=app.color_on_stdout, width=app.width))
    if before.page_only or after.page_only:
        lines.append(
            "one of them is a page alone: only its packages are compared, and their sizes are not known"
        )
    heads = [f"{one.platform}: {summary(one)}" for one in found]
    platforms = [one.platform for one in found]
    lines.append(told(heads, found, platforms, color=app.color_on_stdout, width=app.width))
    return "\n".join(lines)


COMMAND = diff
