"""`imgbuild plan`: what a build would do. Needs no engine and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import ends
from builder.cli.options import for_option, kit_option, platform_option, refs_for, upstream_options
from builder.errors import ImgbuildError, LockError
from builder.plan import Estimate, Plan
from builder.progress import silent
from builder.spec.load import load_all, load_image
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.values import Value
from builder.workflow.platforms import platform_for
from builder.workflow.sources import Asked, choose

if TYPE_CHECKING:
    from builder.workflow.planning import Planned


class Taken(Value):
    """A finding that image.yml allows: what it is, and the reason that stands there."""

    check: str
    package: str
    what: str
    reason: str


class Step(Value):
    """One image of the plan. bytes: of all its packages; costs: of a build in an engine that holds nothing yet.

    digest is empty and trouble tells why where it cannot be built; detail has the rows.
    """

    image: str
    platform: str
    source: str
    base: str = ""
    packages: int = 0
    bytes: int = 0
    groups: int = 0
    costs: Estimate | None = None
    digest: str = ""
    trouble: str = ""
    detail: str = ""
    allowed: tuple[Taken, ...] = ()


@command(
    "plan",
    examples=[
        "imgbuild plan",
        "imgbuild plan --json | jq -r '.images[].digest'",
        "imgbuild plan finetune-cuda --for v100",
    ],
    exits=ends(5, end_0="told, also where a lock is missing or stale"),
    pages=["disk"],
)
@click.argument("names", nargs=-1, metavar="[ENV[@VARIANT]]...", shell_complete=environments)
@click.option("--all", "every", is_flag=True, help="All images of the project (as without names).")
@for_option
@kit_option
@platform_option
@upstream_options
def plan(
    app: App,
    names: tuple[str, ...],
    every: bool,
    gpu: str | None,
    kit: str | None,
    platform: Platform | None,
    asked: Asked,
) -> None:
    """Say what would be built, from what, and under which digest."""
    if every and names:
        raise click.UsageError("give names or --all, not both")
    project = app.project()
    if gpu:
        refs = refs_for(app, names, every, gpu, kit, asked)
    else:
        refs = list(names) or [spec.ref for spec in load_all(project)]
    steps = [_step(project, ref, kit, platform, asked, alone=len(refs) == 1) for ref in refs]
    app.result(_text(app, steps), {"images": [one.model_dump(mode="json") for one in steps]})


def _step(
    project: Project, ref: str, kit: str | None, platform: Platform | None, asked: Asked, *, alone: bool
) -> Step:
    """One image alone may end the command; of several, each has its trouble in its row."""
    from builder.workflow.planning import plan_image

    spec = load_image(project, ref)
    wanted, label = platform or spec.platforms[0], "?"
    try:
        wanted = platform_for(spec, platform)
        source = choose(project, ref, kit, asked=asked)
        label = source.id.label
        planned = plan_image(project, spec, source, wanted, locked=True, observer=silent)
    except LockError as error:
        return Step(image=ref, platform=wanted, source=label, trouble=error.what, detail=error.detail)
    except ImgbuildError as error:
        if alone:
            raise
        return Step(image=ref, platform=wanted, source=label, trouble=error.what, detail=error.fix)
    return _described(planned)


def _described(planned: Planned) -> Step:
    from builder.workflow.estimate import estimate

    made = planned.plan
    return Step(
        image=made.spec.ref,
        platform=made.lock.platform,
        source=made.lock.source.label,
        base=made.lock.base.ref,
        packages=len(made.lock.apt) + sum(len(one.conda) + len(one.pip) for one in made.lock.environments),
        bytes=sum(file.size or 0 for file in made.lock.files),
        groups=len(made.groups),
        costs=estimate(planned, None),
        digest=made.digest,
        allowed=_allowed(made),
    )


def _allowed(made: Plan) -> tuple[Taken, ...]:
    from builder.fit.judge import judge as judge_fit
    from builder.lock.cuda.judge import judge

    found = (*judge(made.lock, made.spec).allowed, *judge_fit(made.spec, made.lock).allowed)
    return tuple(
        Taken(check=finding.check, package=finding.package, what=finding.what, reason=taken.reason)
        for finding, taken in found
    )


def _text(app: App, steps: list[Step]) -> str:
    from builder.report.columns import table

    rows = [
        [one.image, one.platform, one.source[:16], str(one.packages or ""),
         *_sizes(one),
         one.digest[:12] or one.trouble]
        for one in steps
    ]  # fmt: skip
    headers = ["IMAGE", "PLATFORM", "FROM", "PACKAGES", "TO FETCH", "SIZE", "DISK", "PLAN"]
    told = table(headers, rows, color=app.color_on_stdout, width=app.width)
    return "\n\n".join([told, *(f"{one.image}:\n{one.detail}" for one in steps if one.detail)])


def _sizes(step: Step) -> list[str]:
    from builder.report.size import human_size

    costs = step.costs
    return [human_size(size) for size in (costs.fetch, costs.image, costs.engine)] if costs else ["", "", ""]


COMMAND = plan
