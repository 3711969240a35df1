"""`imgbuild list`: what there is, and whether its lock is there and fresh."""

from __future__ import annotations

from builder.cli.app import App, command
from builder.spec.load import load_all
from builder.workflow.overview import Row, overview


@command("list", epilog="Example: imgbuild list --json | jq '.images[].name'")
def listed(app: App) -> None:
    """List the images of this project: base, platforms, lock, last build."""
    project = app.project()
    rows = overview(project, load_all(project))
    app.result(
        _text(app, rows),
        {"project": str(project.root), "images": [row.model_dump(mode="json") for row in rows]},
    )


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
