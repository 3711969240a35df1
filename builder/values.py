"""The base class of every value that crosses a module border or is written to disk."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

Platform = Literal["linux/amd64", "linux/arm64"]
CONDA_SUBDIR: dict[str, str] = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}


class Value(BaseModel):
    """A frozen, strictly read value: unknown keys are errors, equal content is equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Grown(Value):
    """A value with fields that came later: empty ones are not written, so that digests from before them hold."""

    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_empty(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = written(self)
        return {name: value for name, value in data.items() if value or name not in self.later}


def canonical_json(data: Any) -> bytes:
    """One spelling for equal data: sorted keys, no spaces, UTF-8."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(data: Any) -> str:
    """Hex sha256 of the canonical JSON of plain data."""
    return hashlib.sha256(canonical_json(data)).hexdigest()
