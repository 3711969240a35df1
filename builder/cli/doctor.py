"""`imgbuild doctor`: what this machine has for building and running images, and what it would take."""

from __future__ import annotations

from builder.cli.app import App, command
from builder.cli.documented import ends
from builder.errors import EngineError


@command(
    "doctor",
    examples=[
        "imgbuild doctor",
        "imgbuild doctor --json | jq '.rows[] | select(.todo != [])'",
    ],
    exits=ends(end_0="all is there that a build needs", end_4="something is missing that a build needs"),
    pages=["check-host"],
)
def doctor(app: App) -> None:
    """Look at engine, disks, settings, logins, sources, driver, GPUs and toolkit, and say what to do.

    Sources that do not answer are told and do not change the exit code: a store or a kit may hold what is needed.
    """
    from builder.cli.settled import variables_before
    from builder.report.doctor import doctor_text
    from builder.report.host import looked_text
    from builder.workflow.doctor import diagnose

    found = diagnose(project=app.project(), environ=variables_before())
    document = {"passed": found.can_build, **found.model_dump(mode="json")}
    text = doctor_text(found.rows, color=app.color_on_stdout, width=app.width)
    if app.verbose:
        text += "\n\nlooked at:\n" + looked_text(found.looked)
    if found.can_build:
        app.result(text, document)
        return
    first = next(row for row in found.rows if row.needed and row.state == "missing")
    error = EngineError(f"nothing can be built here: {first.name}: {first.says}", fix="; ".join(first.todo))
    app.refused(text, document, error)


COMMAND = doctor
