"""`imgbuild doctor`: what this machine has, a row for each thing, and what is to do where something is missing.

A row is a function of what was found out; a new one goes into ROWS.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.engine.port import EngineInfo
from builder.errors import EngineError
from builder.host.diagnosis import Diagnosis, Row, State
from builder.host.look import look
from builder.host.machine import Machine
from builder.host.model import Host
from builder.host.ready import ready
from builder.network.cache import default_root
from builder.spec.project import Project
from builder.workflow.hosts import engine_facts
from builder.workflow.platforms import host_platform
from builder.workflow.surroundings import surroundings

ENOUGH = 20_000_000_000  # bytes; a CUDA image of 7 GB needs about 17 GB while it is built


@dataclass(frozen=True)
class Found:
    """What was found out. engine is an error where none can be used; free and data_root: of the engine's disk."""

    host: Host
    engine: EngineInfo | EngineError
    data_root: Path | None = None
    free: int | None = None
    store: Path = Path()

    @property
    def info(self) -> EngineInfo | None:
        """The engine, where one answers."""
        return self.engine if isinstance(self.engine, EngineInfo) else None


def diagnose(
    machine: Machine | None = None, project: Project | None = None, environ: Mapping[str, str] | None = None
) -> Diagnosis:
    """Look at everything. Raises nothing for what is missing: that is the result.

    project: what its settings and sources are is looked at as well. environ: the variables before settings files spoke.
    """
    found = _find(machine or Machine())
    rows = tuple(row for make in ROWS for row in [make(found)] if row is not None)
    if project is not None:
        rows += tuple(surroundings(project, os.environ if environ is None else environ))
    missing = any(row.needed and row.state == "missing" for row in rows)
    return Diagnosis(can_build=not missing, rows=rows, looked=found.host.looked)


def _find(machine: Machine) -> Found:
    from builder.engine.connect import connect

    host, store = look(machine), default_root()
    try:
        with connect() as engine:
            return Found(host, engine.info(), engine.data_root(), engine.disk_free(), store)
    except EngineError as error:
        return Found(host, error, store=store)


def engine_row(found: Found) -> Row:
    """Who builds."""
    if isinstance(found.engine, EngineError):
        says = f"{found.engine.where}: {found.engine.what}" if found.engine.where else found.engine.what
        todo = (found.engine.fix,) if found.engine.fix else ()
        return Row(name="engine", state="missing", says=says, needed=True, todo=todo)
    info = found.engine
    says = f"Docker {info.version} (API {info.api_version}) at {info.endpoint}"
    return Row(name="engine", state="ok", says=says, needed=True)


def buildkit_row(found: Found) -> Row | None:
    """What builds within it; `connect` refuses engines without it."""
    if found.info is None:
        return None
    return Row(name="BuildKit", state="ok" if found.info.buildkit else "missing", says="at hand", needed=True)


def storage_row(found: Found) -> Row | None:
    """Where images lie, and the room there."""
    if found.info is None:
        return None
    driver = found.info.storage_driver
    if found.free is None:
        return Row(
            name="engine's disk", state="note", says=f"{driver}; on another machine, so its room is not known"
        )
    return _room("engine's disk", f"{driver} at {found.data_root}", found.free)


def platform_row(found: Found) -> Row | None:
    """What it builds for."""
    if found.info is None:
        return None
    if found.info.platform == host_platform():
        return Row(name="platform", state="ok", says=found.info.platform)
    says = f"the engine is {found.info.platform}, this machine {host_platform()}"
    return Row(name="platform", state="note", says=says)


def driver_row(found: Found) -> Row:
    """NVIDIA's driver."""
    host = found.host
    if host.trouble:
        return Row(
            name="NVIDIA driver", state="note", says=f"{host.driver or 'none that works'}: {host.trouble}"
        )
    if not host.driver:
        return Row(name="NVIDIA driver", state="note", says="none")
    wsl = " (Windows' own)" if host.wsl else ""
    return Row(
        name="NVIDIA driver", state="ok", says=f"{host.driver}{wsl}, for CUDA up to {_newest(host.driver)}"
    )


def gpu_row(found: Found) -> Row:
    """GPUs."""
    names = [f"{gpu.name} ({gpu.compute})" if gpu.compute else gpu.name for gpu in found.host.gpus]
    counted = {name: names.count(name) for name in dict.fromkeys(names)}
    says = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items())
    return Row(name="GPUs", state="ok" if says else "note", says=says or "none of NVIDIA")


def toolkit_row(found: Found) -> Row:
    """NVIDIA's container toolkit."""
    toolkit = found.host.toolkit
    if not toolkit.is_there and not toolkit.specs:
        return Row(name="container toolkit", state="note", says="not installed")
    parts = [toolkit.version or "of an unknown version", *(f"CDI in {spec.path}" for spec in toolkit.specs)]
    return Row(name="container toolkit", state="ok", says=", ".join(parts))


def cuda_row(found: Found) -> Row:
    """Whether CUDA images run here, and what it takes."""
    answer = ready(found.host, engine_facts(found.info))
    state: State = "ok" if answer.state == "yes" else "note"
    return Row(name="CUDA containers", state=state, says=answer.how, todo=answer.todo)


def python_row(_found: Found) -> Row:
    """What runs imgbuild."""
    return Row(
        name="Python", state="ok", says=f"{platform.python_version()} at {sys.executable}", needed=True
    )


def store_row(found: Found) -> Row:
    """Where downloads are kept."""
    there = next(path for path in (found.store, *found.store.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        todo = ("set IMGBUILD_CACHE to a folder that you may write",)
        return Row(
            name="store", state="missing", says=f"{found.store} cannot be written", needed=True, todo=todo
        )
    return _room("store", str(found.store), shutil.disk_usage(there).free)


ROWS: tuple[Callable[[Found], Row | None], ...] = (
    engine_row,
    buildkit_row,
    storage_row,
    platform_row,
    python_row,
    store_row,
    driver_row,
    gpu_row,
    toolkit_row,
    cuda_row,
)


def _room(name: str, place: str, free: int) -> Row:
    room = f"{place}, {free / 1e9:.1f} GB free"
    if free >= ENOUGH:
        return Row(name=name, state="ok", says=room, needed=True)
    todo = ("a CUDA image needs about 20 GB while it is built: free some (`docker system df`)",)
    return Row(name=name, state="note", says=room, needed=True, todo=todo)


def _newest(version: str) -> str:
    from builder.gpu.drivers import driver, newest_line

    return newest_line(driver(version)) or "no line that is known"
