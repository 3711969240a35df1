"""What a verdict says beside its results: things that are right and that a user should know."""

from __future__ import annotations

from collections.abc import Iterator

from builder.lock.cuda.builds import builds
from builder.plan import Plan


def notes(plan: Plan) -> tuple[str, ...]:
    """One sentence each."""
    return tuple(_unused_cuda(plan))


def _unused_cuda(plan: Plan) -> Iterator[str]:
    """CUDA builds from an index of wheels in an image that declares no CUDA: several GB that a CPU has no use for."""
    if plan.spec.cuda is not None:
        return
    for lock in plan.lock.environments:
        for build in builds(lock):
            if build.origin == "pip" and build.flavour == "cuda":
                line = f"CUDA {build.line}" if build.line else "CUDA"
                yield (
                    f"{lock.name} declares no CUDA and holds {build.package} {build.version}, a build for {line}: "
                    "no `cpu_wheel_index` was set when it was locked"
                )
