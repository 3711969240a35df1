"""The size an image may not pass, judged like a test: no container is needed for it."""

from __future__ import annotations

from builder.engine.port import ImageInfo
from builder.smoke.verdict import TestResult
from builder.spec.model import ImageSpec

NAME = "budget"


def weighed(spec: ImageSpec, image: ImageInfo) -> tuple[TestResult, ...]:
    """One result where the definition has a `budget:`, none where it has not. Sizes in bytes."""
    if spec.budget_bytes is None:
        return ()
    over = image.size - spec.budget_bytes
    reason = (
        f"the image has {_mega(image.size)}, {_mega(over)} more than its budget of {_mega(spec.budget_bytes)}"
    )
    return (
        TestResult(
            name=NAME,
            environment=spec.environments[0].name,
            tier=0,
            outcome="failed" if over > 0 else "passed",
            seconds=0.0,
            reason=reason if over > 0 else "",
            numbers={"size": float(image.size), "budget": float(spec.budget_bytes)},
        ),
    )


def _mega(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
