"""`imgbuild list`: what there is, and whether its lock is there and fresh."""

from __future__ import annotations

from builder.cli.app import App, command
from builder.cli.documented import ends
from builder.errors import DefinitionError
from builder.spec.load import survey
from builder.workflow.overview import Row, overview


@command(
    "list",
    examples=[
        "imgbuild list",
        "imgbuild list --json | jq -r '.images[].name'",
    ],
    exits=ends(end_2="a definition has problems; the others are listed"),
)
def listed(app: App) -> None:
    """List the images of this project: base, platforms, lock, last build.

    Definitions with problems are told after those without, and end the command with code 2.
    """
    project = app.project()
    found = survey(project)
    rows = overview(project, list(found.specs))
    document = {"project": str(project.root), "images": [row.model_dump(mode="json") for row in rows]}
    faults = [problem for problem in found.problems if not problem.warning]
    if not faults:
        app.result(_text(app, rows), document)
        return
    error = DefinitionError(faults)
    app.refused(_text(app, rows), document, error)


def _text(app: App, rows: list[Row]) -> str:
    from builder.report.columns import table

    cells = [[row.name, row.summary, row.base, row.source, row.lock, row.proven] for row in rows]
    return table(
        ["IMAGE", "WHAT IT IS", "BASE", "FROM", "LOCK", "PROVEN"],
        cells,
        color=app.color_on_stdout,
        width=app.width,
    )


COMMAND = listed
