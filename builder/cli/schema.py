"""`imgbuild schema`: the JSON schema of image.yml, for editors."""

from __future__ import annotations

import json

import click

from builder.cli.app import App, command


@command("schema", epilog="Example: imgbuild schema > image.schema.json")
def schema(app: App) -> None:
    """Print the JSON schema of image.yml, generated from the types that read it."""
    from builder.spec.schema import schema_text

    text = schema_text()
    if app.as_json:
        app.result(text, json.loads(text))
        return
    click.echo(text, nl=False)


COMMAND = schema
