"""`imgbuild show`: one definition, merged; or the settings in force, each with its origin."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.spec.load import load_image


@command(
    "show",
    epilog="Examples: imgbuild show regression --environment | conda env create -f -   "
    "imgbuild show --settings -v",
)
@click.argument("name", metavar="ENV[@VARIANT]", required=False)
@click.option("--environment", is_flag=True, help="Print the merged environment.yml for other tools.")
@click.option(
    "--settings",
    "of_settings",
    is_flag=True,
    help="In place of ENV: every setting and where it comes from; with -v also what that hides.",
)
def show(app: App, name: str | None, environment: bool, of_settings: bool) -> None:
    """Show a definition after `extends` and the variant were merged in."""
    if of_settings:
        if name or environment:
            raise click.UsageError("--settings goes without ENV and --environment")
        _show_settings(app)
        return
    if name is None:
        raise click.UsageError("which image? give a name (see `imgbuild list`), or --settings")
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


def _show_settings(app: App) -> None:
    from builder.cli.settled import variables_before
    from builder.report.settings import settings_text
    from builder.settings.read import read_settings
    from builder.settings.trace import trace

    root, environ = app.project().root, variables_before()
    read_settings(root, environ=environ)  # raises for what is wrong in a variable
    found = trace(root, environ)
    text = settings_text(found, hidden=app.verbose, color=app.color_on_stdout, width=app.width)
    app.result(text, {"settings": [one.model_dump(mode="json") for one in found]})


COMMAND = show
