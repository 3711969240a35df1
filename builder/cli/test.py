"""`imgbuild test`: prove an image that is there already."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.complete_values import doors, environments, smoke_tests
from builder.cli.documented import ends
from builder.cli.options import gpus_option, kit_option, prefix_option
from builder.errors import ProofError
from builder.spec.load import load_image


@command(
    "test",
    examples=[
        "imgbuild test regression --json | jq .passed",
        "imgbuild test regression --door all",
        "imgbuild test finetune-cuda --only lora --gpus all --require gpu",
    ],
    exits=ends(3, 4, 5, end_0="proven", end_6="a test failed, or what --require names was not run"),
    pages=["smoke", "doors", "sandbox"],
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@click.option(
    "--only", multiple=True, metavar="TEST", shell_complete=smoke_tests, help="Run these smoke tests only."
)
@click.option(
    "--door",
    "doors",
    multiple=True,
    metavar="NAME|all",
    shell_complete=doors,
    help="Go in through these doors as well (docs/doors.md).",
)
@gpus_option
@click.option("--require", type=click.Choice(["gpu"]), help="Refuse a verdict without this tier.")
@prefix_option
@kit_option
def test(
    app: App,
    name: str,
    only: tuple[str, ...],
    doors: tuple[str, ...],
    gpus: str,
    require: str | None,
    prefix: str,
    kit: str | None,
) -> None:
    """Run the smoke tests of an image inside it, in a sandbox without network."""
    from builder.engine.connect import connect
    from builder.report.text import verdict_text
    from builder.smoke.doors import find_doors
    from builder.workflow.prove import prove_again

    load_image(app.project(), name)  # what is mistyped is told without an engine
    find_doors(doors)
    with app.face() as observer:
        outcome = prove_again(
            app.project(),
            name,
            connect(),
            kit=kit,
            only=only,
            doors=doors,
            gpus=gpus,
            require=require,
            prefix=prefix,
            observer=observer,
        )
    document = {
        "passed": outcome.verdict.passed,
        "record": str(outcome.record_path) if outcome.record_path else None,
        **outcome.verdict.model_dump(mode="json"),
    }
    text = verdict_text(outcome.verdict, color=app.color_on_stdout, width=app.width)
    try:
        outcome.stop_unless_passed()
    except ProofError as error:
        app.refused(text, document, error)
    app.result(text, document)


COMMAND = test
