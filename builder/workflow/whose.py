"""Which image a name means, in the engine or a registry, and which environment it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from builder.engine.port import Engine, ImageInfo
from builder.errors import EngineError, UsageError
from builder.progress import Note, Observer
from builder.spec.load import load_image, survey
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.spec.translate import near_or_all
from builder.workflow.platforms import host_platform
from builder.workflow.sources import NOTHING, Asked
from builder.workflow.subjects import Subject, in_engine
from builder.workflow.supply import LABEL

Where: TypeAlias = Literal["auto", "engine", "registry"]


@dataclass(frozen=True, slots=True)
class Question:
    """What the options say. env: which environment the image must be; None takes its name or label. deep: read every
    file; None does so where the image is in the engine. platform: of an image in a registry; None is this machine's."""

    env: str | None = None
    where: Where = "auto"
    deep: bool | None = None
    platform: Platform | None = None
    kit: str | None = None
    prefix: str = "imgbuild"
    asked: Asked = field(default=NOTHING)


def find_subject(
    project: Project, name: str, question: Question, observer: Observer
) -> tuple[Subject, str, Engine | None]:
    """The image, the environment it must be, and the engine where one answers.

    Raises UsageError for a name that is no image, RegistryError, and EngineError where an engine was asked for.
    """
    engine = _engine(question, observer)
    ours = name.partition("@")[0] in project.names()
    # a name with a registry's host means what lies there, whatever the engine holds under it
    here = question.where == "engine" or (question.where == "auto" and not looks_remote(name))
    if engine is not None and here:
        tag = load_image(project, name).tag(question.prefix) if ours else name
        image = engine.find(tag)
        if image is not None:
            ref = question.env or (name if ours else _ref_of(project, tag, image, question))
            return in_engine(engine, image, tag), ref, engine
    if ours and question.where == "registry":
        raise UsageError(
            f"{name!r} is an environment of this project", fix="name the image as its registry has it"
        )
    if ours:
        raise UsageError(f"the engine has no image of {name}", fix=f"build it: imgbuild build {name}")
    if question.where != "registry" and (question.where == "engine" or not looks_remote(name)):
        raise UsageError(
            f"{name!r} is neither an environment of this project nor an image in the engine",
            fix=f"{near_or_all(name, project.names())}; --from registry asks a registry for it",
        )
    return _published(project, name, question, engine)


def _published(
    project: Project, name: str, question: Question, engine: Engine | None
) -> tuple[Subject, str, Engine | None]:
    from builder.workflow.published import in_registry

    subject = in_registry(name, question.platform or host_platform(), engine)
    return subject, question.env or env_of(project, name, subject.config.labels), engine


def looks_remote(name: str) -> bool:
    """Whether a name has the host of a registry in front: `host:5000/a/b`, `ghcr.io/a/b`, `localhost/a`."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _engine(question: Question, observer: Observer) -> Engine | None:
    from builder.engine.connect import connect

    try:
        return connect()
    except EngineError as error:
        if question.where == "engine":
            raise
        observer(Note(f"no engine answers ({error.what})"))
        return None


def _ref_of(project: Project, tag: str, image: ImageInfo, question: Question) -> str:
    """Whose image it is: by its name in the engine, where that is one of ours, else as its label says."""
    repository, _, version = tag.partition(":")
    named = repository.removeprefix(f"{question.prefix}/")
    if named not in project.names():
        return env_of(project, tag, image.labels)
    if version in {"", "latest", "unproven"}:
        return named
    ref = f"{named}@{version.removesuffix('-unproven')}"
    known = {spec.ref for spec in survey(project, [named]).specs}
    return ref if ref in known else env_of(project, tag, image.labels)


def env_of(project: Project, name: str, labels: Mapping[str, str]) -> str:
    """The environment that an image's label names. Raises UsageError where it names none of this project."""
    said = labels.get(f"{LABEL}.image", "")
    if said.partition("@")[0] in project.names():
        return said
    what = f"its label says that it is {said!r}" if said else "it has no label of imgbuild"
    raise UsageError(
        f"nobody knows which environment {name} should be: {what}",
        fix=f"name it with --env; {near_or_all(said, project.names())}",
    )
