"""What was done, as files: one folder per image below `.imgbuild/`, written whole or not at all."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from builder.progress import Note, Observer
from builder.publish.record import Revision
from builder.shipped import is_packaged
from builder.smoke.verdict import Verdict
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.store.cache import default_root
from builder.values import Value

log = logging.getLogger(__name__)

PROMOTED = "_promoted"  # no image is called so
FORMAT = 1


class Record(Value):
    """The last build or test of one image. kit is the directory of the kit it came from; times in ISO 8601.

    version: of imgbuild; env and layers (`sha256:...`, lowest first): the image's, for what `verify` finds later. They
    are empty in records from before there were any. revision: the commit that the image was built from.
    """

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
    version: str = ""
    env: dict[str, str] = {}
    layers: tuple[str, ...] = ()
    revision: Revision | None = None


def folder(project: Project, ref: str) -> Path:
    """Where records of this image live: in the project, and for the shipped environments beside the store."""
    if is_packaged(project.envs):
        return default_root() / "records" / ref
    return project.root / ".imgbuild" / ref


def read(project: Project, ref: str) -> Record | None:
    """The record of this image; None where there is none to read, or one of another version of imgbuild."""
    path = folder(project, ref) / "record.json"
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
    except (
        OSError
    ) as error:  # mostly none there yet; whatever it is, the image is proven anew and recorded anew
        log.debug("no record: %s", error)
        return None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a record lies. trouble: why it could not be kept, in one sentence; then path is None."""

    path: Path | None
    trouble: str = ""


def keep(
    project: Project, spec: ImageSpec, record: Record, plots: Mapping[str, bytes], observer: Observer
) -> Kept:
    """Keep the record and the plots of its proof. What cannot be kept is told and is no failure.

    The image is there and judged by then: a full or read-only disk beneath the project takes nothing from that.
    It costs a proof, which the next build repeats.
    """
    try:
        return Kept(write(project, spec, record, plots))
    except OSError as error:
        place = error.filename or folder(project, spec.ref)
        trouble = f"the record of {spec.ref} could not be kept: {error.strerror or error} ({place})"
        observer(Note(f"{trouble}; the image is not touched by that, and the next build proves it again"))
        return Kept(None, trouble)


def keep_push(project: Project, spec: ImageSpec, pushed: Value, observer: Observer) -> Kept:
    """Keep what was pushed, the last one for each image. What cannot be kept is told: the push itself is done."""
    return _kept(folder(project, spec.ref) / "push.json", pushed, "push", observer)


def keep_promotion(project: Project, target: str, promoted: Value, observer: Observer) -> Kept:
    """Keep what was promoted, the last one for each name. It may be of no image here, so it lies beside them."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", target)
    return _kept(folder(project, PROMOTED) / f"{name}.json", promoted, "promotion", observer)


def _kept(path: Path, record: Value, what: str, observer: Observer) -> Kept:
    try:
        replace(path, record.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        trouble = f"the record of the {what} could not be kept: {error.strerror or error} ({path})"
        observer(Note(trouble))
        return Kept(None, trouble)
    return Kept(path)


def write(project: Project, spec: ImageSpec, record: Record, plots: Mapping[str, bytes]) -> Path:
    """Write the record and the plots of its proof; returns the record's path. Raises OSError."""
    home = folder(project, spec.ref)
    home.mkdir(parents=True, exist_ok=True)
    for name, content in plots.items():
        replace(home / name, content)
    path = home / "record.json"
    replace(path, record.model_dump_json(indent=2).encode() + b"\n")
    return path


def replace(path: Path, content: bytes) -> None:
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
