"""`imgbuild promote`: the same digest under another tag."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.complete_values import pushed_images
from builder.cli.documented import ends
from builder.errors import EngineError


@command(
    "promote",
    examples=[
        "imgbuild promote example.org/train:20261126 example.org/train:stable",
    ],
    exits=ends(5, end_7="it is not proven, or the registry does not do it"),
    pages=["publish"],
)
@click.argument("source", metavar="FROM", shell_complete=pushed_images)
@click.argument("target", metavar="TO", shell_complete=pushed_images)
@click.option("--unproven", metavar="REASON", default="", help="Also without a passed verdict beside it.")
def promote(app: App, source: str, target: str, unproven: str) -> None:
    """Put a proven image of a registry under another tag, or in another repository there. Nothing is pulled."""
    from builder.engine.connect import connect
    from builder.progress import Note
    from builder.report.paths import from_here
    from builder.workflow.promote import promote as put
    from builder.workflow.records import keep_promotion

    with app.face() as observer:
        try:
            info = connect().info()
        except EngineError as error:  # only its list of insecure registries would be missed
            observer(Note(f"no engine answers ({error.what})"))
            info = None
        done = put(source, target, observer, unproven=unproven, info=info)
        path = keep_promotion(app.project(), done.target, done, observer).path
    lines = [f"{done.target}", f"  stands for {done.digest}"]
    lines += [f"  and stood for {done.before}"] if done.before else []
    lines += [f"  not proven: {done.unproven}"] if done.unproven else []
    lines += [f"record: {from_here(path)}"] if path else []
    app.result("\n".join(lines), {**done.model_dump(mode="json"), "record": str(path) if path else None})


COMMAND = promote
