"""`imgbuild push`: a proven image into a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments, files, repositories, tags
from builder.cli.documented import ends
from builder.cli.options import kit_option, prefix_option
from builder.spec.load import load_image

if TYPE_CHECKING:
    from builder.publish.record import Pushed


@command(
    "push",
    examples=[
        "imgbuild push regression --to registry.example.org/team/train --dry-run",
        "imgbuild push finetune-cuda --to example.org/train --tag 'torch{torch}-{date}'",
    ],
    exits=ends(
        3,
        4,
        5,
        end_0="the registry holds it, and the tags stand for it",
        end_7="it is not proven, or the registry does not hold it afterwards",
    ),
    pages=["publish"],
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@click.option(
    "--to", required=True, metavar="REPOSITORY", shell_complete=repositories, help="Where to, without a tag."
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    shell_complete=tags,
    help="In place of the usual tags; {torch} is what was measured.",
)
@click.option("--unproven", metavar="REASON", help="Push without a passed verdict; the reason is recorded.")
@click.option(
    "--alone", is_flag=True, help="Tags stand for this platform alone, whatever others are declared."
)
@click.option(
    "--sign",
    metavar="KEY",
    shell_complete=files,
    help="Sign it with cosign before any tag moves: a key file, or a KMS URI of cosign's.",
)
@click.option("--dry-run", is_flag=True, help="Ask the registry, and write nothing.")
@prefix_option
@kit_option
def push(
    app: App,
    name: str,
    to: str,
    tags: tuple[str, ...],
    unproven: str | None,
    alone: bool,
    sign: str | None,
    dry_run: bool,
    prefix: str,
    kit: str | None,
) -> None:
    """Push the image that was proven, ask the registry what it holds, then move the tags."""
    load_image(app.project(), name)  # what is mistyped is told without an engine
    from builder.engine.connect import connect
    from builder.report.paths import from_here
    from builder.workflow.push import push as publish
    from builder.workflow.pushable import PushOptions

    options = PushOptions(to, tags, unproven or "", alone, dry_run, kit, prefix, sign or "")
    with app.face() as observer:
        pushed, kept = publish(app.project(), name, connect(), options, observer)
    path = kept.path if kept else None
    document = {**pushed.model_dump(mode="json"), "record": str(path) if path else None}
    app.result(_text(pushed, from_here(path) if path else None), document)


def _text(pushed: Pushed, record: str | None) -> str:
    name = pushed.repository
    if not pushed.done:
        there = f"lies there already as {pushed.digest[:19]}" if pushed.digest else "would be pushed"
        lines = [f"{pushed.image} {pushed.image_id[:19]} {there}: {name}:{pushed.permanent[:28]}..."]
        for tag, now in pushed.tags.items():
            lines.append(f"  {name}:{tag}  {f'stands for {now[:19]} now' if now else 'is not there yet'}")
        lines += _waiting(pushed, "the tags would wait")
        return "\n".join([*lines, "nothing was written: --dry-run"])
    lines = [f"pushed {pushed.image} {pushed.image_id[:19]}", f"  {name}@{pushed.digest}"]
    if pushed.index:
        lines.append(f"  {name}@{pushed.index} (all platforms)")
    for tag in pushed.tags:
        before = pushed.moved.get(tag)
        lines.append(f"  {name}:{tag}{f'  (was {before[:19]})' if before else ''}")
    lines += [f"  signed: {digest[:19]}" for digest in pushed.signed]
    lines += _waiting(pushed, "no tag was moved, they wait")
    if pushed.unproven:
        lines.append(f"  not proven: {pushed.unproven}")
    return "\n".join([*lines, *([f"record: {record}"] if record else [])])


def _waiting(pushed: Pushed, what: str) -> list[str]:
    return [f"  {what} for {platform}: {why}" for platform, why in pushed.waiting.items()]


COMMAND = push
