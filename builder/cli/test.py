"""`imgbuild test`: prove an image that is there already."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.options import kit_option


@command(
    "test", epilog="Example: imgbuild test regression --json | jq .passed   Exit code 6 when it did not pass."
)
@click.argument("name", metavar="ENV[@VARIANT]")
@click.option("--only", multiple=True, metavar="TEST", help="Run these smoke tests only.")
@click.option("--require", type=click.Choice(["gpu"]), help="Refuse a verdict without this tier.")
@click.option(
    "--prefix", default="imgbuild", show_default=True, envvar="IMGBUILD_PREFIX", help="Of the names."
)
@kit_option
def test(
    app: App, name: str, only: tuple[str, ...], require: str | None, prefix: str, kit: str | None
) -> None:
    """Run the smoke tests of an image inside it, in a sandbox without network."""
    from builder.engine.connect import connect
    from builder.report.text import verdict_text
    from builder.workflow.prove import prove_again

    with app.face() as observer:
        outcome = prove_again(
            app.project(),
            name,
            connect(),
            kit=kit,
            only=only,
            require=require,
            prefix=prefix,
            observer=observer,
        )
    document = {
        "passed": outcome.verdict.passed,
        "record": str(outcome.record_path),
        **outcome.verdict.model_dump(mode="json"),
    }
    app.result(verdict_text(outcome.verdict, color=app.color_on_stdout, width=app.width), document)
    outcome.stop_unless_passed()


COMMAND = test
