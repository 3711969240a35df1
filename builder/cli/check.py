"""`imgbuild check`: all problems of the definitions at once."""

from __future__ import annotations

from collections.abc import Sequence

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import ends
from builder.errors import DefinitionError, LockError
from builder.settings.read import settings_problems
from builder.spec.load import check as find_problems
from builder.spec.load import survey
from builder.spec.project import Project


@command(
    "check",
    examples=[
        "imgbuild check",
        "imgbuild check regression && imgbuild build regression",
    ],
    exits=ends(end_0="no problems", end_3="it will not run on what `targets:` declares"),
    pages=["gpus"],
)
@click.argument("names", nargs=-1, metavar="[ENV]...", shell_complete=environments)
def check(app: App, names: tuple[str, ...]) -> None:
    """Check definitions: every problem as file:line:column, none of them fixed silently.

    What will not run on the GPUs and the driver of targets: ends with 3.
    """
    project = app.project()
    problems = [*settings_problems(project.root), *find_problems(project, list(names) or None)]
    faults = [problem for problem in problems if not problem.warning]
    if faults:
        raise DefinitionError(problems)
    _refuse_unfit(project, names)
    for warning in problems:
        app.say(str(warning))
    count = len(names) or len(project.names())
    text = f"{count} definition{'s' if count != 1 else ''} checked: no problems"
    app.result(text, {"checked": count, "warnings": [str(warning) for warning in problems]})


def _refuse_unfit(project: Project, names: Sequence[str]) -> None:
    """What the tables say of every image, all of them before the first refusal ends it."""
    from builder.workflow.fitting import refuse_unfit
    from builder.workflow.sources import upstream

    refused: list[LockError] = []
    source = upstream(project)
    for spec in survey(project, list(names) or None).specs:
        try:
            refuse_unfit(spec, None, source)
        except LockError as error:  # noqa: PERF203  (all of them are told)
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise LockError(
            f"{len(refused)} images will not run as declared",
            fix="mend each as below, or allow it in image.yml with a reason",
            detail="\n".join(f"{error.what}\n{error.detail}" for error in refused),
        )


COMMAND = check
