"""`imgbuild lock`: solve and write, so that a build never has to."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.options import PLATFORMS, images_named, names_argument
from builder.errors import LockError
from builder.lock.model import LockSet
from builder.progress import Observer
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.store.upstream import Upstream
from builder.workflow.locking import current_lock, make_and_write


@command(
    "lock",
    epilog="Example: imgbuild lock --all   Exit codes: 3 when it cannot be solved, or is stale with --check.",
)
@names_argument
@click.option(
    "--platform", "platforms", type=click.Choice(PLATFORMS), multiple=True, help="Default: all declared."
)
@click.option("--check", is_flag=True, help="Change nothing: exit 3 where a lock is missing or stale.")
def lock(app: App, names: tuple[str, ...], every: bool, platforms: tuple[Platform, ...], check: bool) -> None:
    """Solve conda, resolve pip and write the locks beside the definitions."""
    project = app.project()
    made: list[LockSet] = []
    with app.face() as observer:
        for name in images_named(app, names, every):
            spec = load_image(project, name)
            made.extend(_locked(spec, one, check, observer) for one in platforms or spec.platforms)
    lines = [f"{one.image} {one.platform}: {_count(one)}" for one in made]
    app.result(
        "\n".join(lines),
        {"locks": [{"image": one.image, "platform": one.platform, "digest": one.digest} for one in made]},
    )


def _locked(spec: ImageSpec, platform: Platform, check: bool, observer: Observer) -> LockSet:
    source = Upstream()
    if check:
        return current_lock(spec, platform, source, locked=True, observer=observer)
    try:
        return make_and_write(spec, platform, source, observer)
    except PermissionError as error:
        raise LockError(
            f"the lock of {spec.ref} cannot be written: {error.strerror}",
            where=str(spec.folder),
            fix="copy the environment into a project of your own and lock it there",
        ) from error


def _count(made: LockSet) -> str:
    conda = sum(len(one.conda) for one in made.environments)
    pip = sum(len(one.pip) for one in made.environments)
    return f"{conda} conda and {pip} pip packages, lock {made.digest[:12]}"


COMMAND = lock
