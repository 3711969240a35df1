"""`imgbuild outdated`: what is behind, and what an update would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.boundary import Told
from builder.cli.documented import ends
from builder.cli.options import (
    PLATFORMS,
    images_of,
    kit_option,
    names_argument,
    upstream_options,
    with_platforms,
)
from builder.spec.model import Platform
from builder.workflow.sources import Asked

if TYPE_CHECKING:
    from builder.lock.outdated.model import Outdated

_BEHIND = 3  # as `lock --check` and `data refresh --check`


@command(
    "outdated",
    examples=["imgbuild outdated finetune-cuda", "imgbuild outdated --all --check"],
    exits=ends(
        5,
        end_3="with --check: an update would bring something, a lock is missing, or an update cannot be solved",
    ),
    pages=["outdated", "locks"],
)
@names_argument
@click.option(
    "--platform", "platforms", type=click.Choice(PLATFORMS), multiple=True, help="Default: all declared."
)
@click.option("--check", is_flag=True, help="Exit with 3 where something is behind.")
@kit_option
@upstream_options
def outdated(
    app: App,
    names: tuple[str, ...],
    every: bool,
    platforms: tuple[Platform, ...],
    check: bool,
    kit: str | None,
    asked: Asked,
) -> None:
    """Say what is behind: installer, base and packages of each lock, and what `lock --upgrade` would bring.

    Solved as `lock --upgrade` does, and nothing is written. Of each package: what is locked, what the update would
    take, the newest there is, and the line of the definition that holds it back. ENV stands for all its variants.
    """
    from builder.report.outdated import folded, outdated_text
    from builder.workflow.outdated.run import Look
    from builder.workflow.sources import choose

    project = app.project()
    specs = images_of(app, names, every)
    images = with_platforms(specs, platforms)
    with app.face() as observer:
        look = Look(project, lambda spec: choose(project, spec.ref, kit, asked=asked), observer)
        rows = list(look.outdated(images))
    behind = any(row.status in {"behind", "missing"} for row in rows)
    text = outdated_text(rows, color=app.color_on_stdout, width=app.width)
    hint = _hint(rows)
    document = {
        "images": [{**row.model_dump(mode="json"), "status": row.status} for row in rows],
        "behind": behind,
        "hint": hint,
    }
    app.result("\n".join(part for part in (text, folded(hint, app.width)) if part), document)
    failed = next((row.exit_code for row in rows if row.exit_code), 0)
    if failed or (check and behind):
        raise Told(failed or _BEHIND)


def _hint(rows: Sequence[Outdated]) -> str:
    """The table of installers may be behind itself; only upstream can tell."""
    known = {one.kind: one.newest for row in rows if (one := row.installer) and one.newest and not row.kit}
    if not known:
        return ""
    newest = ", ".join(f"{kind} {version}" for kind, version in sorted(known.items()))
    return (
        f"newest installer of the table: {newest}; `imgbuild data refresh installers --check` asks upstream"
    )


COMMAND = outdated
