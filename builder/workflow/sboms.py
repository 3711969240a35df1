"""`imgbuild sbom`: what a name stands for, what its image is made of, and whether its licences are wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from errno import ENOENT
from pathlib import Path

from builder.engine.port import Engine, ImageInfo
from builder.errors import ImgbuildError, UsageError
from builder.progress import Note, Observer
from builder.sbom.bom import make_bom
from builder.sbom.model import Bom
from builder.sbom.policy import Licences, judge
from builder.sbom.read import Reading, read_packages
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.workflow.build import engine_platform, existing
from builder.workflow.listing import name_of, source_date
from builder.workflow.named import image_named
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for, platform_of
from builder.workflow.records import replace
from builder.workflow.sources import choose
from builder.workflow.supply import LABEL


@dataclass(frozen=True, slots=True)
class Question:
    """What the options of the command say. check: hold the licences against `licences:` of the definition."""

    check: bool = False
    kit: str | None = None
    reading: Reading = "auto"


@dataclass(frozen=True, slots=True)
class Listed:
    """What an image is made of. spec: of the environment that it was built from, where this project has it."""

    bom: Bom
    spec: ImageSpec | None
    licences: Licences = field(default_factory=Licences)


def sbom(project: Project, name: str, question: Question, observer: Observer) -> Listed:
    """List what ENV[@VARIANT]'s image, or an image of the engine, is made of.

    Raises UsageError for a name that is neither, for an environment that is not built as it is locked now, and where
    it was asked and nothing says which licences it may have; LockError without a lock; ProofError, BuildError or
    EngineError where the image cannot be read.
    """
    from builder.engine.connect import connect

    engine = connect()
    planned: Planned | None
    if name.partition("@")[0] in project.names():
        planned, image = _of_environment(project, name, question, engine, observer)
    else:
        image = image_named(project, name, engine)
        planned = _made_from(project, image, question, observer)
    if question.check:
        _require_policy(name, planned.plan.spec if planned else None)
    packages = read_packages(engine, image, observer, reading=question.reading)
    bom = make_bom(
        name_of(image, name), image, packages, planned.plan.lock if planned else None, source_date()
    )
    if planned is None:
        return Listed(bom, None)
    spec = planned.plan.spec
    return Listed(bom, spec, judge(bom, spec.licences, spec.allow))


def _of_environment(
    project: Project, ref: str, question: Question, engine: Engine, observer: Observer
) -> tuple[Planned, ImageInfo]:
    spec = load_image(project, ref)
    platform = platform_for(spec, None, engine_platform(engine))
    planned = _planned(project, spec, question.kit, None, platform, observer)
    image = existing(engine, planned.plan)
    if image is None:
        raise UsageError(
            f"the engine has no image of {ref} as it is locked now", fix=f"build it: imgbuild build {ref}"
        )
    return planned, image


def _planned(
    project: Project,
    spec: ImageSpec,
    kit: str | None,
    label: str | None,
    platform: Platform,
    observer: Observer,
) -> Planned:
    source = choose(project, spec.ref, kit, label=label)
    return plan_image(project, spec, source, platform, locked=True, observer=observer)


def _made_from(project: Project, image: ImageInfo, question: Question, observer: Observer) -> Planned | None:
    """The plan that an image was made from, where this project still has it: its lock knows every archive's hash."""
    ref, digest = image.labels.get(f"{LABEL}.image", ""), image.labels.get(f"{LABEL}.plan")
    if ref.partition("@")[0] not in project.names():
        return None
    try:
        spec = load_image(project, ref)
        label, platform = image.labels.get(f"{LABEL}.source"), platform_for(spec, platform_of(image))
        planned = _planned(project, spec, question.kit, label, platform, observer)
    except ImgbuildError as error:
        observer(
            Note(f"the lock of {ref} is not at hand, so hashes are those that the image kept: {error.what}")
        )
        return None
    if planned.plan.digest != digest:
        observer(Note(f"{ref} is locked otherwise now, so hashes are those that the image kept"))
        return None
    return planned


def _require_policy(name: str, spec: ImageSpec | None) -> None:
    if spec is None:
        raise UsageError(
            f"{name!r} was not built from a definition of this project as it is now, so nothing says which "
            "licences it may have",
            fix="name an environment with `licences:` in its image.yml, or print them: --licences",
        )
    if not spec.licences.says_something:
        raise UsageError(
            f"{spec.ref} has no `licences:`, so there is nothing to hold it against",
            where=str(spec.folder / "image.yml"),
            fix="add `licences: {allow: [...]}` or `licences: {deny: [...]}`",
        )


def keep_as(path: Path, content: bytes) -> None:
    """Write a document where the user wants it, whole or not at all. Raises UsageError."""
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(ENOENT, "there is no such folder", str(path.parent))
        if path.exists() and not path.is_file():  # a pipe, a terminal, /dev/null stay what they are
            path.write_bytes(content)
        else:
            replace(path.resolve(), content)
    except OSError as error:
        raise UsageError(
            f"it cannot be written: {error.strerror or error}", where=str(path), fix="name another file"
        ) from error
