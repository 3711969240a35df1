"""`imgbuild render`: the Dockerfile, or a whole context that `docker build` takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import ends
from builder.cli.options import kit_option, locked_option, platform_option, upstream_options
from builder.progress import Observer
from builder.spec.load import load_image
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.workflow.platforms import platform_for
from builder.workflow.sources import Asked, choose

if TYPE_CHECKING:
    from builder.workflow.planning import Planned


@command(
    "render",
    examples=[
        "imgbuild render regression > Dockerfile",
        "imgbuild render regression --output ctx && DOCKER_BUILDKIT=1 docker build ctx",
    ],
    exits=ends(3, 4, 5),
    pages=["in-the-image"],
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write a context with every package in it, which docker build alone can build.")  # fmt: skip
@kit_option
@platform_option
@locked_option
@upstream_options
def render(
    app: App,
    name: str,
    output: Path | None,
    kit: str | None,
    platform: Platform | None,
    locked: bool,
    asked: Asked,
) -> None:
    """Print the Dockerfile of an image, or write its whole build context."""
    from builder.render.identity import finished
    from builder.workflow.planning import plan_image, template_dirs

    project = app.project()
    spec = load_image(project, name)
    with app.face() as observer:
        planned = plan_image(
            project,
            spec,
            choose(project, name, kit, asked=asked),
            platform_for(spec, platform),
            locked=locked,
            observer=observer,
        )
        if output is not None:
            _write(project, planned, output, observer)
    if output is None:
        rendered = finished(planned.plan, template_dirs(project))
        app.result(
            rendered.dockerfile.rstrip("\n"),
            {"dockerfile": rendered.dockerfile, "digest": planned.plan.digest},
        )
        return
    app.result(f"wrote {output}", {"context": str(output), "digest": planned.plan.digest})


def _write(project: Project, planned: Planned, output: Path, observer: Observer) -> None:
    from builder.workflow.export import export_context

    export_context(project, planned, output, observer)


COMMAND = render
