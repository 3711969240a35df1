"""`imgbuild render --output`: a whole build context for `docker build` alone."""

from __future__ import annotations

from pathlib import Path

from builder.progress import Observer
from builder.render.context import write_context
from builder.render.identity import finished
from builder.spec.project import Project
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.workflow.planning import Planned, template_dirs


def export_context(project: Project, planned: Planned, directory: Path, observer: Observer) -> None:
    """Fetch every file of the plan and write the Dockerfile, its context and the packages into directory."""
    plan = planned.plan
    paths = fetch(plan.lock.files, planned.source, Store(default_root()), observer)
    page = finished(plan, template_dirs(project), plain_mounts=True)
    write_context(page, plan.groups, paths, directory, plan.lock.base.tar)
