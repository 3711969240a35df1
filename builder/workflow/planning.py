"""From a name to a plan, without an engine: load, choose the source, read the lock, render, hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.lock.source import Source
from builder.plan import Plan
from builder.progress import Observer
from builder.render.identity import make_plan
from builder.shipped import shipped_dir
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.workflow.locking import current_lock


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with the source its bytes come from."""

    plan: Plan
    source: Source


def template_dirs(project: Project) -> tuple[Path, ...]:
    """Where templates are looked for: the project's own first, then the shipped ones."""
    own = project.root / "dockerfiles"
    shipped = shipped_dir("dockerfiles")
    return (own, shipped) if own.is_dir() and own.resolve() != shipped.resolve() else (shipped,)


def plan_image(
    project: Project, spec: ImageSpec, source: Source, platform: Platform, *, locked: bool, observer: Observer
) -> Planned:
    """The plan of one image. Raises LockError for a missing or stale lock."""
    lock = current_lock(spec, platform, source, locked=locked, observer=observer)
    return Planned(make_plan(spec, lock, template_dirs(project)), source)
