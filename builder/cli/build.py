"""`imgbuild build`: a named environment goes in, a proven image comes out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.boundary import Told, error_document, error_text, write
from builder.cli.options import (
    images_named,
    kit_option,
    locked_option,
    names_argument,
    platform_option,
    prefix_option,
    tag_option,
    upstream_options,
)
from builder.errors import ImgbuildError
from builder.spec.load import load_image
from builder.spec.model import Platform

if TYPE_CHECKING:
    from builder.workflow.build import Outcome
    from builder.workflow.sources import Asked


@command(
    "build", epilog="Example: imgbuild build regression   Then: docker run --rm imgbuild/regression python -V"
)
@names_argument
@kit_option
@platform_option
@locked_option
@upstream_options
@click.option("--force", is_flag=True, help="Build and prove again, also when nothing changed.")
@click.option("--pull", is_flag=True, help="Pull a registry base again.")
@click.option("--no-smoke", is_flag=True, help="Do not prove it; the record says so.")
@tag_option
@prefix_option
def build(
    app: App,
    names: tuple[str, ...],
    every: bool,
    kit: str | None,
    platform: Platform | None,
    locked: bool,
    force: bool,
    pull: bool,
    no_smoke: bool,
    tags: tuple[str, ...],
    prefix: str,
    asked: Asked,
) -> None:
    """Build images and prove them: nothing that is unchanged is built twice."""
    project = app.project()
    refs = images_named(app, names, every)
    for ref in refs:
        load_image(project, ref)  # every problem of every image before the first byte is fetched
    from builder.engine.connect import connect
    from builder.workflow.build import Options, build

    options = Options(kit, platform, locked, force, pull, not no_smoke, prefix, tags, asked)
    engine = connect()
    with app.face() as observer:
        ends = [_end(partial(build, project, ref, engine, options, observer), ref, refs) for ref in refs]
    _tell(app, ends)


@dataclass(frozen=True, slots=True)
class Failed:
    """An image that was not made or not proven, and why."""

    ref: str
    error: ImgbuildError


def _end(work: Callable[[], Outcome], ref: str, refs: list[str]) -> Outcome | Failed:
    """One image to its end. With several, the failure of one does not keep the others from being made."""
    try:
        return work()
    except ImgbuildError as error:
        if len(refs) == 1:
            raise
        return Failed(ref, error)


def _tell(app: App, ends: list[Outcome | Failed]) -> None:
    failed = [end for end in ends if isinstance(end, Failed)]
    good = [_text(app, end) for end in ends if not isinstance(end, Failed)]
    app.result("\n\n".join(good), {"images": [_document(end) for end in ends]})
    for one in failed:
        write(f"\n{one.ref}:\n{error_text(one.error)}", sys.stderr)
    if failed:
        raise Told(failed[0].error.exit_code)


def _document(outcome: Outcome | Failed) -> dict[str, object]:
    if isinstance(outcome, Failed):
        return {"status": "failed", "image": outcome.ref, "error": error_document(outcome.error)}
    return {
        "status": outcome.status,
        "record": str(outcome.kept.path) if outcome.kept.path else None,
        **outcome.record.model_dump(mode="json"),
    }


def _text(app: App, outcome: Outcome) -> str:
    from builder.report.size import human_size
    from builder.report.text import verdict_text

    record = outcome.record
    lines = [f"{record.tag} {outcome.status}: {human_size(record.size)}, {record.image_id[:19]}"]
    if record.verdict is None:
        lines.append("not proven: --no-smoke")
    else:
        lines.append(verdict_text(record.verdict, color=app.color_on_stdout, width=app.width))
    lines.append(f"record: {outcome.kept.path}" if outcome.kept.path else f"warning: {outcome.kept.trouble}")
    return "\n".join(lines)


COMMAND = build
