"""The JSON schema of image.yml, made from the types; `python -m builder.spec.schema` prints it."""

from __future__ import annotations

import json
import sys
from typing import Any

from builder.spec.files import ImageFile


def image_schema() -> dict[str, Any]:
    """The schema, for editors and for other tools."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ImageFile.model_json_schema(by_alias=True),
    }


def schema_text() -> str:
    """The schema as the committed file holds it, ending in a newline."""
    return json.dumps(image_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
