"""`imgbuild show`: one definition, merged; or the settings in force, each with its origin."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.complete_values import environments
from builder.cli.documented import ends
from builder.spec.load import load_image
from builder.spec.model import ImageSpec


@command(
    "show",
    examples=[
        "imgbuild show finetune-cuda@cu126",
        "imgbuild show regression --environment | conda env create -f -",
        "imgbuild show --settings -v",
    ],
    exits=ends(),
    pages=["start", "settings"],
)
@click.argument("name", metavar="ENV[@VARIANT]", required=False, shell_complete=environments)
@click.option("--environment", is_flag=True, help="Print the merged environment.yml for other tools.")
@click.option(
    "--settings",
    "of_settings",
    is_flag=True,
    help="In place of ENV: every setting and where it comes from; with -v also what that hides.",
)
@click.option(
    "--origins",
    "of_lines",
    is_flag=True,
    help="Print for each line of the merged definition the file and line it has.",
)
def show(app: App, name: str | None, environment: bool, of_settings: bool, of_lines: bool) -> None:
    """Show a definition after `extends` and the variant were merged in."""
    if of_settings:
        if name or environment or of_lines:
            raise click.UsageError("--settings goes without ENV, --environment and --origins")
        _show_settings(app)
        return
    if name is None:
        context = click.get_current_context()
        given = next(one for one in context.command.params if one.name == "name")
        raise click.MissingParameter(ctx=context, param=given)
    from builder.spec.merged import merged_environment_yaml

    spec = load_image(app.project(), name)
    if of_lines:
        _show_origins(app, spec)
        return
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


def _show_origins(app: App, spec: ImageSpec) -> None:
    from builder.report.columns import table
    from builder.spec.origins import origins

    rows = []
    for one in spec.environments:
        found = origins(spec, one)
        if one is spec.environments[0]:
            rows += [["image.yml", key, place.shown(spec.folder)] for key, place in found.image.items()]
        kinds = (("channel", found.channels), ("conda", found.conda), ("pip", found.pip))
        held = {"channel": set(one.channels), "conda": set(one.conda), "pip": set(one.pip)}
        for kind, places in kinds:
            title = kind if len(spec.environments) == 1 else f"{one.name}: {kind}"
            # What a younger file took away has a place as well, and is not there any more.
            rows += [
                [title, line, at.shown(spec.folder)] for line, at in places.items() if line in held[kind]
            ]
    document = {"origins": [dict(zip(("what", "line", "origin"), row, strict=True)) for row in rows]}
    app.result(table(["WHAT", "LINE", "FROM"], rows, color=app.color_on_stdout, width=app.width), document)


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
