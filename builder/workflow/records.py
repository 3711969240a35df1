"""What was done, as files: one folder per image below `.imgbuild/`, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from builder.smoke.verdict import Verdict
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.values import Value

FORMAT = 1


class Record(Value):
    """The last build or test of one image. kit is the directory of the kit it came from; times in ISO 8601."""

    format: int = FORMAT
    image: str
    tag: str
    image_id: str
    size: int
    plan_digest: str
    lock_digest: str
    source: str
    kit: str | None = None
    engine: str
    finished: str
    build_seconds: float
    proof_digest: str = ""
    verdict: Verdict | None = None


def folder(project: Project, ref: str) -> Path:
    """Where records of this image live."""
    return project.root / ".imgbuild" / ref


def read(project: Project, ref: str) -> Record | None:
    """The record of this image; None where there is none, or one of another version of imgbuild."""
    path = folder(project, ref) / "record.json"
    try:
        return Record.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def write(project: Project, spec: ImageSpec, record: Record, plots: Mapping[str, bytes]) -> Path:
    """Keep the record and the plots of its proof; returns the record's path."""
    home = folder(project, spec.ref)
    home.mkdir(parents=True, exist_ok=True)
    for name, content in plots.items():
        _replace(home / name, content)
    path = home / "record.json"
    _replace(path, record.model_dump_json(indent=2).encode() + b"\n")
    return path


def _replace(path: Path, content: bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
