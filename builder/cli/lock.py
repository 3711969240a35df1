"""`imgbuild lock`: solve and write, so that a build never has to."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.options import PLATFORMS, images_named, names_argument, upstream_options
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.progress import Observer
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.workflow.locking import current_lock, make_and_write
from builder.workflow.sources import Asked, upstream


@command(
    "lock",
    epilog="Example: imgbuild lock --all   Exit codes: 3 when it cannot be solved, or is stale with --check.",
)
@names_argument
@click.option(
    "--platform", "platforms", type=click.Choice(PLATFORMS), multiple=True, help="Default: all declared."
)
@click.option("--check", is_flag=True, help="Change nothing: exit 3 where a lock is missing or stale.")
@upstream_options
def lock(
    app: App, names: tuple[str, ...], every: bool, platforms: tuple[Platform, ...], check: bool, asked: Asked
) -> None:
    """Solve conda, resolve pip and write the locks beside the definitions."""
    project = app.project()
    source = upstream(project, asked)
    made: list[LockSet] = []
    with app.face() as observer:
        for name in images_named(app, names, every):
            spec = load_image(project, name)
            made.extend(_locked(spec, one, source, check, observer) for one in platforms or spec.platforms)
    lines = [f"{one.image} {one.platform}: {_count(one)}" for one in made]
    app.result(
        "\n".join(lines),
        {"locks": [{"image": one.image, "platform": one.platform, "digest": one.digest} for one in made]},
    )


def _locked(spec: ImageSpec, platform: Platform, source: Source, check: bool, observer: Observer) -> LockSet:
    if check:
        return current_lock(spec, platform, source, locked=True, observer=observer)
    return make_and_write(spec, platform, source, observer)


def _count(made: LockSet) -> str:
    conda = sum(len(one.conda) for one in made.environments)
    pip = sum(len(one.pip) for one in made.environments)
    return f"{conda} conda and {pip} pip packages, lock {made.digest[:12]}"


COMMAND = lock
