"""`--for GPU`: which variant of an image is for a GPU."""

from __future__ import annotations

from builder.errors import LockError
from builder.fit.judge import Coverage, coverage
from builder.gpu.gpus import find_gpu
from builder.gpu.tables import Gpu
from builder.progress import Note, Observer, silent
from builder.spec.load import load_image, load_images
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow.fitting import held_lock, usual_platform
from builder.workflow.sources import NOTHING, Asked, choose


def choose_variant(
    project: Project,
    name: str,
    gpu: str,
    observer: Observer = silent,
    *,
    kit: str | None = None,
    asked: Asked = NOTHING,
) -> str:
    """The variant of an image to take for a GPU, as `ENV` or `ENV@VARIANT`.

    The first that declares it in `targets:`, the plain image before its variants; else the first that the tables say
    covers it, and that is told. A variant that is named already is the only one to take. Raises UsageError for an
    unknown image or GPU, DefinitionError, and LockError with each variant's reason where none is known to cover it.
    """
    wanted = find_gpu(gpu)
    named = load_image(project, name)  # an unknown name, and problems of its files, first
    specs = [named] if "@" in name else load_images(project, [name])
    declaring = next((one for one in specs if any(_means(wanted, text) for text in one.targets.gpus)), None)
    if declaring is not None:
        return declaring.ref
    found = [(one, _covers(project, one, gpu, kit, asked)) for one in specs]
    for one, answer in found:
        if answer.runs == "yes":
            said = (
                f"{name} does not declare {gpu}, and"
                if "@" in name
                else f"no variant of {name} declares {gpu};"
            )
            observer(Note(f"{said} {one.ref} covers it: {answer.because}"))
            return one.ref
    raise LockError(
        f"{'' if '@' in name else 'no variant of '}{name} is {'not ' if '@' in name else ''}known to run on {gpu} "
        f"({wanted.title}, {wanted.compute})",
        where=str(specs[0].folder / "image.yml"),
        fix=f"add a variant with targets: {{gpus: [{gpu.strip().lower().replace(' ', '-')}]}}",
        detail="\n".join(f"{one.ref}: {answer.runs}: {answer.because}" for one, answer in found),
    )


def _covers(project: Project, spec: ImageSpec, gpu: str, kit: str | None, asked: Asked) -> Coverage:
    platform = usual_platform(spec)
    lock = held_lock(spec, platform, choose(project, spec.ref, kit, asked=asked))
    return coverage(spec, lock, gpu, platform)


def _means(wanted: Gpu, declared: str) -> bool:
    """Whether a declared name means that GPU; a capability on either side means any GPU of it."""
    other = find_gpu(declared)
    if wanted.key == other.key:
        return True
    generic = any(one.key.startswith("sm_") for one in (wanted, other))
    return generic and wanted.capability == other.capability
