"""`imgbuild build`: a named environment goes in, a proven image comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.options import images_named, kit_option, locked_option, names_argument, platform_option
from builder.spec.load import load_image
from builder.spec.model import Platform

if TYPE_CHECKING:
    from builder.workflow.build import Outcome


@command(
    "build", epilog="Example: imgbuild build regression   Then: docker run --rm imgbuild/regression python -V"
)
@names_argument
@kit_option
@platform_option
@locked_option
@click.option("--force", is_flag=True, help="Build and prove again, also when nothing changed.")
@click.option("--pull", is_flag=True, help="Pull a registry base again.")
@click.option("--no-smoke", is_flag=True, help="Do not prove it; the record says so.")
@click.option(
    "--tag", "tags", multiple=True, metavar="REF", help="One more name for the image in the engine."
)
@click.option(
    "--prefix", default="imgbuild", show_default=True, envvar="IMGBUILD_PREFIX", help="Of the names."
)
def build(
    app: App,
    names: tuple[str, ...],
    every: bool,
    kit: str | None,
    platform: Platform | None,
    locked: bool,
    force: bool,
    pull: bool,
    no_smoke: bool,
    tags: tuple[str, ...],
    prefix: str,
) -> None:
    """Build images and prove them: nothing that is unchanged is built twice."""
    project = app.project()
    refs = images_named(app, names, every)
    for ref in refs:
        load_image(project, ref)  # every problem of every image before the first byte is fetched
    from builder.engine.connect import connect
    from builder.workflow.build import Options, build

    options = Options(kit, platform, locked, force, pull, not no_smoke, prefix, tags)
    engine = connect()
    outcomes = []
    with app.face() as observer:
        for ref in refs:
            outcomes.append(build(project, ref, engine, options, observer))  # noqa: PERF401  (one failure keeps the rest)
    app.result(
        "\n\n".join(_text(app, one) for one in outcomes), {"images": [_document(one) for one in outcomes]}
    )


def _document(outcome: Outcome) -> dict[str, object]:
    return {
        "status": outcome.status,
        "record": str(outcome.record_path),
        **outcome.record.model_dump(mode="json"),
    }


def _text(app: App, outcome: Outcome) -> str:
    from builder.report.size import human_size
    from builder.report.text import verdict_text

    record = outcome.record
    lines = [f"{record.tag} {outcome.status}: {human_size(record.size)}, {record.image_id[:19]}"]
    if record.verdict is None:
        lines.append("not proven: --no-smoke")
    else:
        lines.append(verdict_text(record.verdict, color=app.color_on_stdout, width=app.width))
    lines.append(f"record: {outcome.record_path}")
    return "\n".join(lines)


COMMAND = build
