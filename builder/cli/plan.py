"""`imgbuild plan`: what a build would do. Needs no engine and writes nothing."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.options import kit_option, platform_option, upstream_options
from builder.errors import LockError
from builder.plan import Plan
from builder.progress import silent
from builder.spec.load import load_all, load_image
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.values import Value
from builder.workflow.platforms import platform_for
from builder.workflow.sources import Asked, choose


class Taken(Value):
    """A finding that image.yml allows: what it is, and the reason that stands there."""

    check: str
    package: str
    what: str
    reason: str


class Step(Value):
    """One image of the plan. digest is empty and trouble tells why where it has no usable lock."""

    image: str
    platform: str
    source: str
    base: str = ""
    packages: int = 0
    bytes: int = 0
    groups: int = 0
    digest: str = ""
    trouble: str = ""
    allowed: tuple[Taken, ...] = ()


@command("plan", epilog="Example: imgbuild plan --json | jq '.images[].digest'")
@click.argument("names", nargs=-1, metavar="[ENV[@VARIANT]]...")
@click.option("--all", "every", is_flag=True, help="All images of the project (as without names).")
@kit_option
@platform_option
@upstream_options
def plan(
    app: App, names: tuple[str, ...], every: bool, kit: str | None, platform: Platform | None, asked: Asked
) -> None:
    """Say what would be built, from what, and under which digest."""
    if every and names:
        raise click.UsageError("give names or --all, not both")
    project = app.project()
    refs = list(names) or [spec.ref for spec in load_all(project)]
    steps = [_step(project, ref, kit, platform, asked) for ref in refs]
    app.result(_text(app, steps), {"images": [one.model_dump(mode="json") for one in steps]})


def _step(project: Project, ref: str, kit: str | None, platform: Platform | None, asked: Asked) -> Step:
    from builder.workflow.planning import plan_image

    spec = load_image(project, ref)
    wanted = platform_for(spec, platform)
    source = choose(project, ref, kit, asked=asked)
    try:
        made = plan_image(project, spec, source, wanted, locked=True, observer=silent).plan
    except LockError as error:
        return Step(image=ref, platform=wanted, source=source.id.label, trouble=error.what)
    return _described(made)


def _described(made: Plan) -> Step:
    return Step(
        image=made.spec.ref,
        platform=made.lock.platform,
        source=made.lock.source.label,
        base=made.lock.base.ref,
        packages=len(made.lock.apt) + sum(len(one.conda) + len(one.pip) for one in made.lock.environments),
        bytes=sum(file.size or 0 for file in made.lock.files),
        groups=len(made.groups),
        digest=made.digest,
        allowed=_allowed(made),
    )


def _allowed(made: Plan) -> tuple[Taken, ...]:
    from builder.lock.cuda.judge import judge

    return tuple(
        Taken(check=finding.check, package=finding.package, what=finding.what, reason=allowance.reason)
        for finding, allowance in judge(made.lock, made.spec).allowed
    )


def _text(app: App, steps: list[Step]) -> str:
    from builder.report.columns import table
    from builder.report.size import human_size

    rows = [
        [one.image, one.platform, one.source[:16], str(one.packages or ""), human_size(one.bytes) if one.bytes else "",
         one.digest[:12] or one.trouble]
        for one in steps
    ]  # fmt: skip
    headers = ["IMAGE", "PLATFORM", "FROM", "PACKAGES", "TO FETCH", "PLAN"]
    return table(headers, rows, color=app.color_on_stdout, width=app.width)


COMMAND = plan
