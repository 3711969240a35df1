"""`imgbuild kit`: a directory with all that a set of images needs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import NearMisses, ends
from builder.cli.options import (
    images_named,
    kit_option,
    locked_option,
    names_argument,
    platform_option,
    upstream_options,
)
from builder.errors import BuildError
from builder.spec.load import load_image
from builder.spec.model import Platform

if TYPE_CHECKING:
    from builder.workflow.sources import Asked


@click.group("kit", cls=NearMisses)
def kit() -> None:
    """Make and check kits: bases, installer, packages, wheels and locks in one directory."""


@command(
    "bootstrap",
    short="Make a stand-in kit from Debian and the package index",
    examples=[
        "imgbuild kit bootstrap ./kit regression",
    ],
    exits=ends(3, 4, 5),
    pages=["kits"],
)
@click.argument("where", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.argument("names", nargs=-1, metavar="ENV...", shell_complete=environments)
def bootstrap(app: App, where: Path, names: tuple[str, ...]) -> None:
    """Make a stand-in kit from Debian's packages and the Python package index alone.

    For places that reach neither a container registry nor a conda channel. The kit names itself a stand-in, and so
    does every image made from it. Images with `apt:` take a container engine: apt of the new base is asked in it.
    """
    from builder.store.bootstrap import bootstrap_kit
    from builder.workflow.os_packages import resolve_apt
    from builder.workflow.sources import remember

    project = app.project()
    specs = [load_image(project, ref) for ref in images_named(app, names, every=False)]
    with app.face() as observer:
        made = remember(bootstrap_kit(where, specs, observer, resolve_apt))
    text = f"kit {made.id.kit} in {where}\nuse it: imgbuild build {' '.join(names)} --kit {where}"
    app.result(text, {"kit": made.id.kit, "directory": str(where), "images": list(names)})


@command(
    "create",
    short="Collect all that images need into one directory",
    examples=[
        "imgbuild kit create regression -o ./kit",
        "imgbuild kit create --all -o ./kit --platform linux/arm64",
    ],
    exits=ends(3, 4, 5, 7),
    pages=["kits"],
)
@names_argument
@click.option("-o", "--output", "where", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              required=True, help="The kit's directory: new, empty, or the same kit.")  # fmt: skip
@kit_option
@platform_option
@locked_option
@upstream_options
def create(
    app: App,
    names: tuple[str, ...],
    every: bool,
    where: Path,
    kit: str | None,
    platform: Platform | None,
    locked: bool,
    asked: Asked,
) -> None:
    """Collect all that images need into one directory, for a site without a network.

    Base, installer, packages, wheels and locks come from the upstreams, or with --kit from another kit.
    """
    from builder.engine.connect import connect
    from builder.report.kit import kit_document, kit_text
    from builder.workflow.kits import Options, create_kit
    from builder.workflow.sources import remember

    project = app.project()
    refs = images_named(app, names, every)
    with app.face() as observer:
        made = remember(
            create_kit(project, refs, where, Options(kit, platform, locked, asked), connect, observer)
        )
    use = f"where there is no network: {shlex.join(['imgbuild', 'build', *refs, '--kit', str(where)])}"
    app.result(f"{kit_text(made)}\n{use}", kit_document(made))


@command(
    "check",
    short="Say what a kit holds, and compare every file with its hash",
    examples=[
        "imgbuild kit check ./kit",
    ],
    exits=ends(end_0="every file is what the kit says", end_5="a file is not what the kit says"),
    pages=["kits"],
)
@click.argument("where", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
def check(app: App, where: Path) -> None:
    """Say what a kit holds, and compare every file with its recorded hash. Exit code 5 when one differs."""
    from builder.report.kit import kit_document, kit_text
    from builder.store.kit import Kit

    opened = Kit.open(where)
    faults = opened.check()
    if faults:
        raise BuildError(
            f"{len(faults)} files of the kit are not what it says",
            where=str(where),
            fix="copy the kit again from where it came, or make it anew",
            detail="\n".join(faults),
        )
    app.result(f"{kit_text(opened)}\nevery file is what it says", {**kit_document(opened), "faults": []})


kit.add_command(create)
kit.add_command(bootstrap)
kit.add_command(check)
COMMAND = kit
