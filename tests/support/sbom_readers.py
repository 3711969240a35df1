"""Readers of both formats that are not ours: the schemas of CycloneDX, the validator of SPDX's own tools."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():  # theirs, of other versions of what they use
    warnings.simplefilter("ignore")
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from spdx_tools.spdx.model import Document
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def read_cyclonedx(data: bytes) -> Any:
    """The document as their model has it; an AssertionError with what their schema says against it."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode())
    assert error is None, error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bom = Bom.from_json(json.loads(data))
        assert bom is not None
        bom.validate()
    return bom


def read_spdx(data: bytes) -> Document:
    """The document as their model has it; an AssertionError with what their validator says against it."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "sbom.spdx.json"
        path.write_bytes(data)
        document = parse_file(str(path))
        messages = validate_full_spdx_document(document)
    assert not messages, [message.validation_message for message in messages][:5]
    return document
