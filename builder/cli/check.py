"""`imgbuild check`: all problems of the definitions at once."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.errors import DefinitionError
from builder.settings.read import settings_problems
from builder.spec.load import check as find_problems


@command("check", epilog="Example: imgbuild check regression && imgbuild build regression")
@click.argument("names", nargs=-1, metavar="[ENV]...")
def check(app: App, names: tuple[str, ...]) -> None:
    """Check definitions: every problem as file:line:column, none of them fixed silently."""
    project = app.project()
    problems = [*settings_problems(project.root), *find_problems(project, list(names) or None)]
    faults = [problem for problem in problems if not problem.warning]
    if faults:
        raise DefinitionError(problems)
    for warning in problems:
        app.say(str(warning))
    count = len(names) or len(project.names())
    text = f"{count} definition{'s' if count != 1 else ''} checked: no problems"
    app.result(text, {"checked": count, "warnings": [str(warning) for warning in problems]})


COMMAND = check
