"""What may be pushed: a repository without a tag, the image of an environment, its passed verdict, its plan."""

from __future__ import annotations

from dataclasses import dataclass

from builder.engine.port import Engine, ImageInfo
from builder.errors import PublishError, UsageError
from builder.progress import Observer
from builder.registry.reference import Reference, parse_reference
from builder.smoke.verdict import Verdict
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for, platform_of
from builder.workflow.prove import same_plan
from builder.workflow.sources import choose
from builder.workflow.supply import LABEL


@dataclass(frozen=True, slots=True)
class PushOptions:
    """to: a repository, `registry.example.org/team/train`. tags: as `--tag` has them. unproven: the reason to push
    without a passed verdict. alone: tags stand for this platform, whatever others the image is declared for. sign: a
    key for cosign; empty for no signature."""

    to: str
    tags: tuple[str, ...] = ()
    unproven: str = ""
    alone: bool = False
    dry_run: bool = False
    kit: str | None = None
    prefix: str = "imgbuild"
    sign: str = ""


def target_of(text: str) -> Reference:
    """A repository without a tag. Raises UsageError."""
    target = parse_reference(text)
    if target.digest or ":" in text.rpartition("/")[2]:
        raise UsageError(
            f"`{text}` has a tag or a digest", where="--to", fix="name the repository, and tags with --tag"
        )
    return target


def image_of(spec: ImageSpec, engine: Engine, options: PushOptions) -> ImageInfo:
    """The image that carries this environment's name, whatever platform it is for. Raises UsageError."""
    names = [spec.tag(options.prefix), *([spec.unproven_tag(options.prefix)] if options.unproven else [])]
    image = next((found for name in names if (found := engine.find(name)) is not None), None)
    if image is None:
        raise UsageError(
            f"there is no image {names[0]} in the engine", fix=f"run `imgbuild build {spec.ref}`"
        )
    return image


def proof_of(project: Project, spec: ImageSpec, image: ImageInfo, options: PushOptions) -> Verdict | None:
    """The passed verdict about this very image. Raises PublishError where there is none and nobody says why."""
    record = records.read(project, spec.ref)
    verdict = record.verdict if record and record.image_id == image.id else None
    if verdict is not None and verdict.passed and verdict.image_id == image.id:
        if verdict.whole or options.unproven:
            return verdict
        why = f"only a part of its tests was run ({verdict.not_proven['cpu']})"
    elif verdict is not None:
        why = "it did not pass its proof"
    else:
        why = "no verdict about this very image is recorded here"
    if options.unproven:
        return verdict
    raise PublishError(
        f"{spec.ref} is not pushed: {why}",
        where=image.id[:19],
        fix=f"prove it: `imgbuild test {spec.ref}`; or say why it goes without, with --unproven REASON",
    )


def planned_of(
    project: Project,
    spec: ImageSpec,
    image: ImageInfo,
    options: PushOptions,
    observer: Observer,
) -> Planned:
    """The plan that the image was made from. Raises UsageError when the definition has moved on."""
    source = choose(project, spec.ref, options.kit, label=image.labels.get(f"{LABEL}.source"))
    platform = platform_for(spec, platform_of(image))
    planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    same_plan(spec, planned, image)
    return planned
