"""`imgbuild lock`: solve and write, so that a build never has to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.boundary import Told, error_document, error_text, write
from builder.cli.documented import ends
from builder.cli.options import (
    PLATFORMS,
    for_option,
    images_of,
    names_argument,
    refs_for,
    upstream_options,
    with_platforms,
)
from builder.errors import ImgbuildError, LockError
from builder.lock.model import LockSet
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.workflow.sources import Asked, upstream

if TYPE_CHECKING:
    from builder.workflow.checking import Checked
    from builder.workflow.relock import Outcome


@command(
    "lock",
    examples=[
        "imgbuild lock --all",
        "imgbuild lock finetune-cuda --upgrade-package transformers",
        "imgbuild lock --all --check",
    ],
    exits=ends(4, 5, 7, end_3="nothing satisfies it; with --check, a lock is missing or stale"),
    pages=["locks", "locks-elsewhere", "unsolvable", "cuda-truth"],
)
@names_argument
@for_option
@click.option(
    "--platform", "platforms", type=click.Choice(PLATFORMS), multiple=True, help="Default: all declared."
)
@click.option("--upgrade", is_flag=True, help="Take the newest of everything, the base's digest as well.")
@click.option(
    "--upgrade-package",
    "-P",
    "packages",
    metavar="P",
    multiple=True,
    help="Move this conda or pip package and what that forces; all else stays.",
)
@click.option(
    "--check", is_flag=True, help="Change nothing: exit 3 where a lock is missing or stale, and say why."
)
@upstream_options
def lock(
    app: App,
    names: tuple[str, ...],
    every: bool,
    gpu: str | None,
    platforms: tuple[Platform, ...],
    upgrade: bool,
    packages: tuple[str, ...],
    check: bool,
    asked: Asked,
) -> None:
    """Solve conda, resolve pip and write the locks beside the definitions.

    ENV stands for all its platforms and variants. What the present lock holds stays wherever it satisfies what is
    asked for.
    """
    if check + upgrade + bool(packages) > 1:
        raise click.UsageError("give one of --check, --upgrade and --upgrade-package")
    project = app.project()
    specs = (
        [load_image(project, ref) for ref in refs_for(app, names, every, gpu, asked=asked)]
        if gpu
        else images_of(app, names, every)
    )
    images = with_platforms(specs, platforms)
    source = upstream(project, asked)
    if check:
        from builder.workflow.checking import check_locks

        _tell_checked(app, check_locks(project, images, source))
        return
    from builder.workflow.relock import Wish, check_wish, relock

    wish = Wish(upgrade, packages)
    check_wish(wish, [spec for spec, _ in images], source)
    with app.face() as observer:
        ends = [_end(spec, partial(relock, spec, wanted, source, wish, observer)) for spec, wanted in images]
    _tell(app, ends)


def _end(spec: ImageSpec, work: Callable[[], Outcome]) -> Outcome:
    """One image to its end: its failure does not keep the others from being locked."""
    from builder.workflow.relock import Outcome

    try:
        return work()
    except ImgbuildError as error:
        return Outcome(spec, (), (("", error),))


def _tell(app: App, ends: Sequence[Outcome]) -> None:
    failed = [(end, platform, error) for end in ends for platform, error in end.failed]
    if len(ends) == len(failed) == 1:
        raise failed[0][2]
    texts = [_text(app, end) for end in ends if not end.failed]
    app.result("\n".join(texts), {"locks": [row for end in ends for row in _documents(end)]})
    grouped: dict[tuple[str, str], list[str]] = {}
    for end, platform, error in failed:
        grouped.setdefault((end.spec.ref, error_text(error)), []).append(platform)
    for (ref, text), platforms in grouped.items():
        write(f"\n{ref} {', '.join(platforms)}".rstrip() + f":\n{text}", sys.stderr)
    if failed:
        names = ", ".join(end.spec.ref for end in ends if end.failed)
        write(f"\nnothing was written of {names}: the locks of an image's platforms go together", sys.stderr)
        raise Told(failed[0][2].exit_code)


def _documents(end: Outcome) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {
            "image": end.spec.ref,
            "platform": one.after.platform,
            "status": "not written" if end.failed else one.status,
            "digest": one.after.digest,
            "changes": one.diff.model_dump(mode="json"),
        }
        for one in end.made
    ]
    return rows + [
        {"image": end.spec.ref, "platform": platform, "status": "failed", "error": error_document(error)}
        for platform, error in end.failed
    ]


def _text(app: App, end: Outcome) -> str:
    from builder.report.changes import first_time, summary, told

    diffs = [one.diff for one in end.made]
    ways = {"new": first_time, "unchanged": lambda _: "unchanged", "changed": summary}
    heads = [
        f"{one.after.image} {one.after.platform}: {ways[one.status](diff)}; {_count(one.after)}"
        for one, diff in zip(end.made, diffs, strict=True)
    ]
    platforms = [one.after.platform for one in end.made]
    return told(heads, diffs, platforms, color=app.color_on_stdout, width=app.width)


def _count(made: LockSet) -> str:
    conda = sum(len(one.conda) for one in made.environments)
    pip = sum(len(one.pip) for one in made.environments)
    apt = f", {len(made.apt)} from apt" if made.apt else ""
    return f"{conda} conda and {pip} pip packages{apt}, lock {made.digest[:12]}"


def _tell_checked(app: App, rows: Sequence[Checked]) -> None:
    bad = [row for row in rows if row.status != "fresh"]
    document: dict[str, object] = {"locks": [row.model_dump(mode="json") for row in rows]}
    text = "\n".join(map(str, rows))
    if not bad:
        app.result(text, document)
        return
    error = LockError(
        f"{len(bad)} of {len(rows)} locks are missing, stale or unusable",
        fix=f"run `imgbuild lock {' '.join(dict.fromkeys(row.image for row in bad))}` and commit the result",
    )
    app.refused(text, document, error)


COMMAND = lock
