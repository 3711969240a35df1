"""What a run that was killed could not take away itself goes before the next one begins."""

from __future__ import annotations

from builder.engine.owner import owner
from builder.engine.port import Engine
from builder.plan import Plan
from builder.progress import Note, Observer


def working_name(plan: Plan, prefix: str) -> str:
    """The name an image has while it is built and proven. It says whose it is, so that `sweep` can tell."""
    mine = owner()
    return f"{prefix}/{plan.spec.name}:building-{plan.digest[:16]}{f'-{mine}' if mine else ''}"


def sweep(engine: Engine, observer: Observer) -> None:
    """Remove the containers, volumes and working names of killed runs of this machine, and say which."""
    gone = engine.sweep()
    if gone:
        observer(Note(f"removed what a killed run had left: {', '.join(gone)}"))
