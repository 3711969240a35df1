"""`imgbuild build`: a named environment goes in, a proven image comes out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.boundary import Told, error_document, error_text, write
from builder.cli.complete_values import repositories
from builder.cli.documented import ends
from builder.cli.options import (
    for_option,
    gpus_option,
    images_named,
    kit_option,
    locked_option,
    names_argument,
    platform_option,
    prefix_option,
    refs_for,
    tag_option,
    upstream_options,
)
from builder.errors import ImgbuildError
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project

if TYPE_CHECKING:
    from builder.engine.port import Engine
    from builder.progress import Observer
    from builder.publish.record import Pushed
    from builder.workflow.build import Outcome
    from builder.workflow.sources import Asked


@command(
    "build",
    examples=[
        "imgbuild build regression && docker run --rm imgbuild/regression python -V",
        "imgbuild build finetune-cuda --for h100 --gpus none",
        "imgbuild build --all --locked --kit ./kit",
        "imgbuild build regression --push registry.example.org/team/train",
    ],
    exits=ends(
        3,
        4,
        5,
        end_0="built and proven, or unchanged",
        end_6="built, and not proven: it lies there as `:unproven`",
        end_7="with --push: the registry does not hold it",
    ),
    pages=["smoke", "sandbox", "networks", "disk", "real-path"],
)
@names_argument
@for_option
@kit_option
@platform_option
@locked_option
@upstream_options
@click.option("--force", is_flag=True, help="Build and prove again, also when nothing changed.")
@click.option("--pull", is_flag=True, help="Pull a registry base again.")
@click.option("--no-smoke", is_flag=True, help="Do not prove it; the record says so.")
@gpus_option
@click.option(
    "--push",
    "to",
    metavar="REPOSITORY",
    shell_complete=repositories,
    help="Push it there when it is proven, as `imgbuild push`.",
)
@tag_option
@prefix_option
def build(
    app: App,
    names: tuple[str, ...],
    every: bool,
    gpu: str | None,
    kit: str | None,
    platform: Platform | None,
    locked: bool,
    force: bool,
    pull: bool,
    no_smoke: bool,
    gpus: str,
    to: str | None,
    tags: tuple[str, ...],
    prefix: str,
    asked: Asked,
) -> None:
    """Build images and prove them: nothing that is unchanged is built twice."""
    project = app.project()
    refs = refs_for(app, names, every, gpu, kit, asked) if gpu else images_named(app, names, every)
    if to and (len(refs) != 1 or no_smoke):
        raise click.UsageError("--push is for one image, and for one that is proven")
    specs = [load_image(project, ref) for ref in refs]  # every problem of every image before the first byte
    _refuse_unfit(project, specs, kit, platform, asked)
    from builder.engine.connect import connect
    from builder.workflow.build import Options, build

    options = Options(kit, platform, locked, force, pull, not no_smoke, gpus, prefix, tags, asked)
    engine = connect()
    with app.face() as observer:
        ends = [_end(partial(build, project, ref, engine, options, observer), ref, refs) for ref in refs]
        pushed = _pushed(app, refs[0], engine, to, kit, prefix, observer) if to else None
    _tell(app, ends, pushed)


def _pushed(
    app: App, ref: str, engine: Engine, to: str, kit: str | None, prefix: str, observer: Observer
) -> Pushed:
    from builder.workflow.push import push
    from builder.workflow.pushable import PushOptions

    return push(app.project(), ref, engine, PushOptions(to, kit=kit, prefix=prefix), observer)[0]


def _refuse_unfit(
    project: Project, specs: Sequence[ImageSpec], kit: str | None, platform: Platform | None, asked: Asked
) -> None:
    """One image alone that will not run needs no engine to be refused; of several, the others are still made."""
    if len(specs) != 1:
        return
    from builder.workflow.fitting import refuse_unfit
    from builder.workflow.sources import choose

    refuse_unfit(specs[0], platform, choose(project, specs[0].ref, kit, asked=asked))


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


def _tell(app: App, ends: list[Outcome | Failed], pushed: Pushed | None) -> None:
    failed = [end for end in ends if isinstance(end, Failed)]
    good = [_text(app, end) for end in ends if not isinstance(end, Failed)]
    document: dict[str, object] = {"images": [_document(end) for end in ends]}
    if pushed is not None:
        lines = [f"pushed {pushed.repository}:{tag}" for tag in pushed.tags] or [
            f"pushed {pushed.repository}"
        ]
        lines += [f"  no tag was moved, they wait for {one}: {why}" for one, why in pushed.waiting.items()]
        good += ["\n".join([*lines, f"  {pushed.digest}"])]
        document["pushed"] = pushed.model_dump(mode="json")
    app.result("\n\n".join(good), document)
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
    from builder.report.paths import from_here
    from builder.report.size import human_size
    from builder.report.text import verdict_text

    record = outcome.record
    lines = [f"{record.tag} {outcome.status}: {human_size(record.size)}, {record.image_id[:19]}"]
    if record.verdict is None:
        lines.append("not proven: --no-smoke")
    else:
        lines.append(verdict_text(record.verdict, color=app.color_on_stdout, width=app.width))
    kept = outcome.kept
    lines.append(f"record: {from_here(kept.path)}" if kept.path else f"warning: {kept.trouble}")
    return "\n".join(lines)


COMMAND = build
