"""`imgbuild init`: a new environment, from nothing or from what is there already."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments, files
from builder.cli.documented import ends
from builder.cli.options import PLATFORMS
from builder.errors import DefinitionError, UsageError
from builder.problems import Problem
from builder.spec.project import working_directory

if TYPE_CHECKING:
    from builder.start.model import Given
    from builder.workflow.init import Ask, Made

_KINDS = ("environment", "requirements", "pixi", "conda-lock", "explicit", "list")


@command(
    "init",
    examples=[
        "imgbuild init train",
        "imgbuild init train --from requirements.txt --python 3.12",
        "conda list --export | imgbuild init train --from - --dry-run",
    ],
    exits=ends(end_2="wrong words, or the file asks for what cannot be honoured"),
    pages=["start"],
)
@click.argument("name", metavar="NAME")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    shell_complete=files,
    help="environment.yml, requirements.txt, pixi.toml, pyproject.toml, "
    "conda-lock.yml, an explicit list, `conda list --export`; `-` reads stdin.",
)
@click.option("--kind", type=click.Choice(_KINDS), help="What FILE is; default: found by its content.")
@click.option("--python", metavar="VERSION", default="", help="The Python to take, as 3.12.")
@click.option("--channel", "channels", metavar="NAME", multiple=True, help="Channels in place of the file's.")
@click.option(
    "--environment", metavar="NAME", default="", help="Of a pixi manifest, the one environment to take."
)
@click.option("--platform", type=click.Choice(PLATFORMS), help="The one platform of the image.")
@click.option("--cuda", metavar="LINE", default="", help="The CUDA line, as 13.0.")
@click.option(
    "--extends",
    metavar="ENV",
    shell_complete=environments,
    default="",
    help="The environment that this one adds to.",
)
@click.option(
    "--accept-anaconda-terms", is_flag=True, help="Accept the terms that govern `defaults` and `pkgs/*`."
)
@click.option("--leave-out", is_flag=True, help="Leave out what cannot be honoured, and say what.")
@click.option("--dry-run", is_flag=True, help="Write nothing, show what would be written.")
@click.option("--force", is_flag=True, help="Replace the files of an environment that is there.")
def init(app: App, name: str, source: str | None, **said: Any) -> None:  # fmt: skip
    """Make envs/NAME from nothing, or from a file of another tool.

    What the file says is honoured, or refused with its line, its column and what to do; nothing is written then.
    """
    from builder.workflow.init import home_of
    from builder.workflow.init import init as make

    start = app.directory or working_directory()
    if source is None:
        _need_source(said)
    given = _given(source, start) if source is not None else None
    project = home_of(app.project(), start)
    try:
        made = make(project, _ask(name, given, said))
    except DefinitionError as error:
        if source is not None and any(not problem.warning for problem in error.problems):
            more = "only what stands on lines of its own can be left out: write one item a line"
            app.say(f"nothing was written; {more if said['leave_out'] else _LEAVE_OUT}")
        raise
    app.result(_text(made, project.label(made.folder), said["dry_run"]), _document(made, said["dry_run"]))


_LEAVE_OUT = "--leave-out goes on without what cannot be honoured"


def _need_source(said: dict[str, Any]) -> None:
    for option in ("kind", "environment", "leave_out"):
        if said[option]:
            raise click.UsageError(f"--{option.replace('_', '-')} is about a file: name it with --from")


def _given(source: str, start: Path) -> Given:
    from builder.start.read import read_given

    if source == "-":
        return read_given(start / "stdin", "<stdin>", sys.stdin.buffer.read(30_000_000))
    return read_given(Path(source), source)


def _check(option: str, value: str, rule: Callable[[str], str]) -> None:
    from builder.spec.fault import Fault

    try:
        rule(value or "1.0")  # what was not said is well
    except Fault as fault:
        shown = "it" if fault.private else f"`{value}`"
        raise UsageError(f"{option}: {shown} {fault.what}", fix=fault.fix) from fault


def _ask(name: str, given: Given | None, said: dict[str, Any]) -> Ask:
    from builder.spec.patterns import CUDA_LINE
    from builder.spec.requirements import check_channel
    from builder.start.model import Wish
    from builder.workflow.init import Ask

    if said["python"] and not re.fullmatch(r"[0-9]+(?:\.[0-9]+){0,2}", said["python"]):
        raise UsageError(
            f"`{said['python']}` is no version of Python", where="--python", fix="write it as 3.12"
        )
    _check("--cuda", said["cuda"], CUDA_LINE.require)
    for channel in said["channels"]:
        _check("--channel", channel, check_channel)
    wish = Wish(
        python=said["python"],
        environment=said["environment"],
        platform=said["platform"],
        channels=tuple(said["channels"]),
        accept_anaconda_terms=said["accept_anaconda_terms"],
    )
    kept = {key: said[key] for key in ("kind", "cuda", "extends", "leave_out", "force", "dry_run")}
    return Ask(name, given, wish=wish, **kept)


def _text(made: Made, label: str, dry_run: bool) -> str:
    from builder.start.model import SAYS

    lines = [f"from {SAYS[made.kind]}"] if made.kind else []
    for file, text in made.files.items():
        done = "would be written" if dry_run else "replaced" if file in made.replaced else "written"
        lines.append(f"{label}/{file} {done}")
        lines += [f"  | {line}" for line in text.splitlines()] if dry_run else []
    for title, problems in (("left out, as asked", made.left), ("as it is now, and why", made.notes)):
        lines += [f"{title}:", *(f"  {_plain(problem)}" for problem in problems)] if problems else []
    for draft in made.drafts:
        which = f"environment {draft.name or made.folder.name}"
        lines.append(f"{which}: {len(draft.conda)} from conda, {len(draft.pip)} from an index")
    if not dry_run:
        lines.append(f"next: imgbuild build {made.folder.name}")
    return "\n".join(lines)


def _plain(problem: Problem) -> str:
    return str(problem).replace(" warning:", "", 1)


def _document(made: Made, dry_run: bool) -> dict[str, object]:
    fields = ("file", "line", "column", "path", "what", "fix")
    tell = [{key: getattr(one, key) for key in fields} for one in made.notes]
    left = [{key: getattr(one, key) for key in fields} for one in made.left]
    return {
        "name": made.folder.name,
        "folder": str(made.folder),
        "kind": made.kind,
        "written": [] if dry_run else list(made.files),
        "replaced": [] if dry_run else list(made.replaced),
        "files": dict(made.files),
        "environments": [
            {"name": one.name or made.folder.name, "conda": list(one.conda), "pip": list(one.pip)}
            for one in made.drafts
        ],
        "notes": tell,
        "left_out": left,
    }


COMMAND = init
