"""`imgbuild audit`: what a name stands for, how it is read, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from builder.audit.model import Audit, Wanted
from builder.audit.wanted import wanted_by, wanted_of
from builder.engine.port import Engine, ImageInfo
from builder.errors import EngineError, UsageError
from builder.gpu.drivers import driver
from builder.gpu.gpus import find_gpu
from builder.progress import Note, Observer
from builder.spec.load import load_image
from builder.spec.project import Project
from builder.workflow.auditing import audit_image, audit_lock
from builder.workflow.build import existing
from builder.workflow.named import image_named
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for
from builder.workflow.sources import NOTHING, Asked, choose

From: TypeAlias = Literal["auto", "image", "layers", "archives"]


@dataclass(frozen=True, slots=True)
class Question:
    """What the options of the command say. gpus and driver stand in for those of image.yml where they are given."""

    gpus: tuple[str, ...] = ()
    driver: str | None = None
    reading: From = "auto"
    kit: str | None = None
    asked: Asked = field(default=NOTHING)


def audit(project: Project, name: str, question: Question, observer: Observer) -> Audit:
    """Audit ENV[@VARIANT] (its image if the engine has one of the same plan, else its lock's archives) or an image.

    Raises UsageError for a name that is neither, and for an unknown GPU or driver; LockError without a lock;
    ProofError, BuildError or EngineError where it cannot be read.
    """
    for gpu in question.gpus:
        find_gpu(gpu)
    if question.driver is not None:
        driver(question.driver)
    if name.partition("@")[0] in project.names():
        return _of_environment(project, name, question, observer)
    return _of_image(project, name, question, observer)


def _of_environment(project: Project, ref: str, question: Question, observer: Observer) -> Audit:
    spec = load_image(project, ref)
    platform = platform_for(spec, None)
    source = choose(project, ref, question.kit, asked=question.asked)
    planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    engine = None if question.reading == "archives" else _engine(question.reading, observer)
    image = existing(engine, planned.plan) if engine is not None else None
    labels = image.labels if image else {}
    wanted = _instead(wanted_by(spec, planned.plan.lock, labels), question)
    if engine is not None and image is not None:
        return audit_image(engine, image, wanted, observer, reading=_reading(question))
    return _of_lock(planned, wanted, question, observer)


def _of_lock(planned: Planned, wanted: Wanted, question: Question, observer: Observer) -> Audit:
    ref = planned.plan.spec.ref
    if question.reading in {"image", "layers"}:
        raise UsageError(
            f"the engine has no image of {ref} as it is locked now", fix=f"build it: imgbuild build {ref}"
        )
    if question.reading == "auto":
        observer(Note(f"{ref} is not built as it is locked now, so the archives of its lock are read"))
    return audit_lock(planned, wanted, observer)


def _engine(reading: From, observer: Observer) -> Engine | None:
    """The engine; None where none answers and the archives will do."""
    from builder.engine.connect import connect

    try:
        return connect()
    except EngineError as error:
        if reading != "auto":
            raise
        observer(Note(f"no engine answers ({error.what})"))
        return None


def _of_image(project: Project, name: str, question: Question, observer: Observer) -> Audit:
    if question.reading == "archives":
        raise UsageError(
            f"{name!r} is no environment of this project, so it has no lock", fix="see `imgbuild list`"
        )
    from builder.engine.connect import connect

    engine = connect()
    image = image_named(project, name, engine)
    return audit_image(engine, image, _of_labels(name, image, question), observer, reading=_reading(question))


def _reading(question: Question) -> Literal["image", "layers"]:
    return "layers" if question.reading == "layers" else "image"


def _of_labels(name: str, image: ImageInfo, question: Question) -> Wanted:
    return wanted_of(name, question.gpus, question.driver, image.labels)


def _instead(wanted: Wanted, question: Question) -> Wanted:
    changes: dict[str, object] = {}
    if question.gpus:
        changes["gpus"] = tuple(dict.fromkeys(find_gpu(gpu) for gpu in question.gpus))
    if question.driver is not None:
        changes["driver"] = question.driver
    return wanted.model_copy(update=changes)
