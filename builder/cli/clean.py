"""`imgbuild clean`: say what can go and what that frees, and take it away when told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.documented import ends
from builder.errors import UsageError
from builder.shipped import is_packaged

if TYPE_CHECKING:
    from builder.workflow.cleaning import Leftover


@command(
    "clean",
    examples=[
        "imgbuild clean",
        "imgbuild clean --all --yes",
    ],
    exits=ends(4, end_0="done, whether there was something or not"),
    pages=["disk"],
)
@click.option("--all", "everything", is_flag=True, help="Also what images defined here would use again.")
@click.option(
    "--build-cache", is_flag=True, help="Also the engine's build cache, of imgbuild and of all others."
)
@click.option(
    "--caches", is_flag=True, help="Also the volumes in which `run` and `shell` keep caches, of all users."
)
@click.option("-y", "--yes", is_flag=True, help="Do it. Without this, it is only said.")
def clean(app: App, everything: bool, build_cache: bool, caches: bool, yes: bool) -> None:
    """Say what builds have left in engine and store, and take it away with --yes.

    Never: images that have their name, kits, and what is not imgbuild's.
    """
    from builder.engine.connect import connect
    from builder.report.size import human_size
    from builder.workflow.cleaning import leftovers, remove

    project = app.project()
    if is_packaged(project.envs) and yes and not everything:
        raise UsageError(
            "there is no project here, and only one says which packages are needed",
            fix="cd into the project, name it with -C DIR, or take all that can be fetched again with --all",
        )
    engine = connect()
    found = leftovers(project, engine, everything=everything, build_cache=build_cache, caches=caches)
    done = list(remove(engine, found.leftovers)) if yes else [(one, "") for one in found.leftovers]
    going = [one for one, why in done if not why]
    staying = {one.name: why for one, why in done if why}
    document = {
        "removed": yes,
        "bytes": sum(one.bytes for one in going),
        "leftovers": [one.model_dump(mode="json") for one in going],
        "kept": staying,
        "unknown": dict(found.unknown),
    }
    kept = {} if caches else dict(engine.cache_volumes())
    document["caches"] = kept
    if is_packaged(project.envs):
        app.say(
            "there is no project here: what is needed is told from the definitions that come with imgbuild"
        )
    lines = [_text(app, going, yes), *(f"kept: {name}: {why}" for name, why in staying.items())]
    if kept:
        size = human_size(sum(kept.values()))
        lines.append(
            f"caches of `run` and `shell` stay: {', '.join(sorted(kept))}, {size} (--caches takes them too)"
        )
    if found.unknown:
        lines.append(
            "packages, bases and the store stay, because nobody knows what these need (--all takes them too):"
        )
        lines += [f"  {name}: {why}" for name, why in found.unknown]
    app.result("\n".join(lines), document)


def _text(app: App, found: Sequence[Leftover], yes: bool) -> str:
    from builder.report.columns import table
    from builder.report.size import human_size
    from builder.workflow.cleaning import KINDS

    if not found:
        return "nothing removed" if yes else "nothing to remove"
    rows = []
    for kind, title in KINDS.items():
        mine = [one for one in found if one.kind == kind]
        if mine:
            rows.append([title, str(len(mine)), human_size(sum(one.bytes for one in mine))])
    whole = human_size(sum(one.bytes for one in found))
    lines = [table(["WHAT", "COUNT", "FREES"], rows, color=app.color_on_stdout, width=app.width), ""]
    if app.verbose:
        lines += [*(f"{one.name}  {human_size(one.bytes)}" for one in found), ""]
    lines.append(f"removed: up to {whole}" if yes else f"up to {whole} would be freed: imgbuild clean --yes")
    return "\n".join(lines)


COMMAND = clean
