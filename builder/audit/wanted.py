"""What a definition, its lock and an image's labels say that compiled files are to be held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builder.audit.model import Wanted
from builder.fit.facts import LABELS
from builder.gpu.gpus import find_gpu
from builder.gpu.tables import Gpu
from builder.gpu.tables import gpus as gpus_table
from builder.gpu.target import Capability, target
from builder.lock.model import LockSet
from builder.spec.model import ImageSpec


def wanted_by(spec: ImageSpec, lock: LockSet | None, labels: Mapping[str, str]) -> Wanted:
    """Of an image with a definition. labels: of the built image, empty for archives. Raises UsageError."""
    return Wanted(
        image=spec.ref,
        gpus=_named(spec.targets.gpus),
        driver=spec.targets.driver,
        cuda=spec.cuda,
        glibc=lock.base.glibc if lock else spec.base.glibc,
        claimed=claimed(labels),
        allow=spec.allow,
        variables={**spec.environments[0].variables, **spec.env} if spec.environments else dict(spec.env),
    )


def wanted_of(image: str, gpus: Sequence[str], driver: str | None, labels: Mapping[str, str]) -> Wanted:
    """Of an image without one: the GPUs that were asked for, else those that its label claims code for.

    Raises UsageError for an unknown GPU.
    """
    return Wanted(
        image=image,
        gpus=_named(gpus) or _claimed_gpus(claimed(labels) or ()),
        driver=driver,
        cuda=labels.get(LABELS["cuda"]),
        claimed=claimed(labels),
    )


def claimed(labels: Mapping[str, str]) -> tuple[str, ...] | None:
    """Targets that the label names; None without a label."""
    return tuple(labels[LABELS["gpus"]].split()) if LABELS["gpus"] in labels else None


def _named(names: Sequence[str]) -> tuple[Gpu, ...]:
    """Each once, whatever it is called."""
    return tuple(dict.fromkeys(find_gpu(name) for name in names))


def _claimed_gpus(targets: Sequence[str]) -> tuple[Gpu, ...]:
    """One for each compute capability; those that no GPU of the table has, and words that are none, are left out.

    A label is anybody's text. What torch does not hold of it is a finding, whatever it is.
    """
    known = {gpu.capability for gpu in gpus_table().values()}
    found = {one for text in targets if (one := _capability(text)) in known}
    return tuple(find_gpu(str(one)) for one in sorted(one for one in found if one is not None))


def _capability(text: str) -> Capability | None:
    try:
        return target(text).capability
    except ValueError:
        return None
