"""`imgbuild data`: the tables that imgbuild knows installers, GPUs, CUDA and torch by."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.boundary import Told
from builder.cli.complete_values import refresh_tables
from builder.cli.documented import NearMisses, ends

if TYPE_CHECKING:
    from builder.workflow.refresh.model import Refreshed

_STALE = 3  # as `lock --check`


@click.group("data", cls=NearMisses)
def data() -> None:
    """The tables of installers, GPUs, CUDA toolkits and torch builds."""


@command(
    "refresh",
    short="Read tables anew from the package index",
    examples=[
        "imgbuild data refresh torch --check",
        "imgbuild data refresh",
    ],
    exits=ends(
        end_3="with --check: something would change",
        end_5="the index cannot be read, or what it says is refused",
    ),
    pages=["gpu-tables"],
)
@click.argument("names", nargs=-1, metavar="[TABLE]...", shell_complete=refresh_tables)
@click.option("--check", is_flag=True, help="Write nothing; exit with 3 where something would change.")
@click.option("--tables", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
              help="The folder of the tables; default: those of this installation.")  # fmt: skip
@click.option(
    "--wheel-index", metavar="URL", default="", help="Read this index; default: as uv is configured."
)
def refresh(app: App, names: tuple[str, ...], check: bool, tables: Path | None, wheel_index: str) -> None:
    """Read tables anew from the indexes upstream. Without a name: all that can be.

    installers (Miniconda's directory and Miniforge's releases), torch (builds and what they are compiled for, read in
    the wheels) and toolkits (what each CUDA compiler compiles for). A reading that lost rows or targets, has another
    hash for an installer, or makes no sense, is refused, and nothing is written.

    Not from here: gpus, compilers, and the drivers of CUDA lines. No package index tells them; a person reads their
    sources and edits the files. Neither bases: envs/_bases.yml names tags, and the digest of a tag is asked for by
    `imgbuild lock --upgrade` and goes into the lock.
    """
    from builder.settings.read import from_words, read_settings
    from builder.store.upstream import Upstream
    from builder.workflow.refresh.run import BY_HAND, refresh

    folder = tables or Path(str(resources.files("builder").joinpath("data")))
    settings = read_settings(app.project().root, from_words(wheel_index=wheel_index))
    words = Upstream(read=lambda: settings).wheel_index()
    with app.face() as observer:
        found = refresh(names, folder, words, observer, settings=settings, check=check)
    stale = any(one.stale for one in found)
    document = {
        "tables": [{**one.model_dump(mode="json"), "stale": one.stale} for one in found],
        "folder": str(folder),
        "written": not check and any(one.changes for one in found),
        "by_hand": BY_HAND,
    }
    app.result("\n".join(_text(one, check) for one in found), document)
    if check and stale:
        raise Told(_STALE)


def _text(one: Refreshed, check: bool) -> str:
    new = sum(change.new for change in one.changes)
    verb = "would be " if check else ""
    head = (
        f"{one.file}: {new} {verb}added, {len(one.changes) - new} {verb}changed, {one.unchanged} as before"
        if one.changes
        else f"{one.file}: {one.unchanged} rows read, all as before"
    )
    lines = [f"  {change}" for change in one.changes] + [f"  ! {need}" for need in one.needs]
    return "\n".join([head, *lines])


data.add_command(refresh)
COMMAND = data
