"""The parts of a plan, kept beside the record of its image, so that a later one can be compared with them."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from builder import __version__
from builder.render.page import render
from builder.render.snapshot import NAME, Snapshot, snapshot
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.planning import Planned, template_dirs

log = logging.getLogger(__name__)


def snapshot_of(project: Project, planned: Planned) -> Snapshot:
    """The parts of a plan. Raises what `render` raises."""
    plan = planned.plan
    rendered = render(plan.spec, plan.lock, plan.groups, templates=template_dirs(project))
    return snapshot(plan, rendered, __version__)


def snapshot_file(project: Project, planned: Planned) -> dict[str, bytes]:
    """The file that is kept, by its name."""
    return {NAME: snapshot_of(project, planned).model_dump_json(indent=1).encode() + b"\n"}


def read_snapshot(project: Project, ref: str) -> Snapshot | None:
    """What was kept of the last build; None where there is none, or one of another version."""
    path = records.folder(project, ref) / NAME
    try:
        return Snapshot.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        log.debug("no plan is kept: %s", error)
        return None
