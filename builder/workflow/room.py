"""Before a build begins: what it will cost is said, and one that cannot fit is refused."""

from __future__ import annotations

from pathlib import Path

from builder.engine.port import Engine
from builder.errors import BuildError
from builder.plan import Estimate
from builder.progress import Note, Observer
from builder.report.duration import rough_time
from builder.report.size import human_size
from builder.spec.project import Project
from builder.store.cache import default_root, nearest_folder
from builder.workflow.cleaning import reclaimable
from builder.workflow.estimate import estimate
from builder.workflow.planning import Planned


def check_room(project: Project, planned: Planned, engine: Engine, observer: Observer) -> Estimate:
    """Say what the build costs.

    Raises BuildError, with nothing fetched yet, where a disk cannot hold what it needs at the very least; EngineError
    when the engine goes away. An engine on another machine says itself when it is full.
    """
    costs = estimate(planned, engine)
    free, data = engine.disk_free(), engine.data_root()
    observer(Note(told(costs, free)))
    if free is None or data is None:
        return costs
    store = nearest_folder(default_root().absolute())
    needed = costs.least + (costs.store if _same_disk(data, store) else 0)
    if free < needed:
        raise _full(project, planned, engine, data, costs, needed, free)
    return costs


def told(costs: Estimate, free: int | None) -> str:
    """`3.1 GB to fetch, an image of about 7.1 GB, up to 11 GB of the engine's disk (63 GB free), about 3 min`."""
    fetch = f"{human_size(costs.fetch)} to fetch" if costs.fetch or costs.unknown else "nothing to fetch"
    if costs.unknown:
        fetch += f" and {costs.unknown} file{'s' if costs.unknown > 1 else ''} of unknown size"
    room = "" if free is None else f" ({human_size(free)} free)"
    beside = " beside the downloads" if costs.fetch or costs.unknown else ""
    return (
        f"{fetch}, an image of about {human_size(costs.image)}, up to {human_size(costs.engine)} of the engine's disk"
        f"{room}, about {rough_time(costs.seconds)}{beside}"
    )


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _full(
    project: Project, planned: Planned, engine: Engine, data: Path, costs: Estimate, needed: int, free: int
) -> BuildError:
    ref = planned.plan.spec.ref
    frees = reclaimable(project, engine)
    clean = (
        f"`imgbuild clean` would free {human_size(frees)}" if frees else "`imgbuild clean` would free nothing"
    )
    more = "; `imgbuild clean --all --build-cache` frees what can be fetched and built again as well"
    return BuildError(
        f"{ref} does not fit: it takes at least {human_size(needed)} and {human_size(free)} are free",
        where=str(data),
        fix=f"{clean}{more}",
        detail=f"expected: {told(costs, free)}",
    )
