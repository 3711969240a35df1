"""`imgbuild schema`: the JSON schema of image.yml, for editors."""

from __future__ import annotations

import json

from builder.cli.app import App, command
from builder.cli.documented import ends


@command(
    "schema",
    examples=[
        "imgbuild schema > image.schema.json",
    ],
    exits=ends(),
    pages=["start"],
)
def schema(app: App) -> None:
    """Print the JSON schema of image.yml, generated from the types that read it."""
    from builder.spec.schema import schema_text

    text = schema_text()
    app.result(text.rstrip("\n"), json.loads(text))


COMMAND = schema
