"""`imgbuild show`: one definition, merged."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import ends
from builder.spec.load import load_image


@command(
    "show",
    examples=[
        "imgbuild show finetune-cuda@cu126",
        "imgbuild show regression --environment | conda env create -f -",
    ],
    exits=ends(),
    pages=["start"],
)
@click.argument("name", metavar="ENV[@VARIANT]", shell_complete=environments)
@click.option("--environment", is_flag=True, help="Print the merged environment.yml for other tools.")
def show(app: App, name: str, environment: bool) -> None:
    """Show a definition after `extends` and the variant were merged in."""
    from builder.spec.merged import merged_environment_yaml

    spec = load_image(app.project(), name)
    if environment:
        texts = [merged_environment_yaml(one) for one in spec.environments]
        app.result(
            "---\n".join(texts).rstrip(),
            {one.name: text for one, text in zip(spec.environments, texts, strict=True)},
        )
        return
    import yaml

    document = spec.model_dump(mode="json")
    app.result(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100).rstrip(), document)


COMMAND = show
