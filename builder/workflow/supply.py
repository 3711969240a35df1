"""What a build stands on, brought into the engine once: the package groups and the base."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError
from builder.lock.model import LockedBase, LockedFile
from builder.lock.source import Source
from builder.network.offline import is_offline, refuse_offline
from builder.plan import PackageGroup, Plan
from builder.progress import Note, Observer, StepFinished, StepStarted
from builder.spec.model import Platform
from builder.store.archive import check_archive
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.store.pack import checked, pack
from builder.store.turns import turn
from builder.workflow.planning import Planned

LABEL = "io.imgbuild"


def bring_in(planned: Planned, engine: Engine, observer: Observer) -> None:
    """Every package group into the engine, once; only what is missing is fetched at all."""
    missing = [group for group in planned.plan.groups if engine.find(group.ref) is None]
    if not missing:
        return
    files = [file for group in missing for file in group.files]
    paths = fetch(files, planned.source, Store(default_root()), observer)
    for group in missing:
        _import_group(group, paths, engine, planned.plan.lock.platform, observer)


def _import_group(
    group: PackageGroup, paths: Mapping[str, Path], engine: Engine, platform: str, observer: Observer
) -> None:
    with engine_turn(engine, group.ref, f"imports {group.title}", observer):
        if engine.find(group.ref) is not None:  # another process was first
            return
        with step(observer, "import", f"import:{group.digest}", f"import {group.title}"):
            labels = {f"{LABEL}.kind": "pkg", f"{LABEL}.group": group.kind}
            engine.import_tar(group.ref, pack(group, paths), labels=labels, platform=platform)


def base_image(planned: Planned, engine: Engine, observer: Observer, *, pull: bool) -> ImageInfo:
    """The base image of a plan, in the engine."""
    lock = planned.plan.lock
    return bring_base(lock.base, lock.platform, planned.source, engine, observer, pull=pull)


def bring_base(
    base: LockedBase, platform: Platform, source: Source, engine: Engine, observer: Observer, *, pull: bool
) -> ImageInfo:
    """A base, in the engine: a kit's is imported under the hash of its tar, a registry's is pulled."""
    if base.tar is not None:
        with engine_turn(engine, base.ref, f"imports the base {base.key}", observer):
            return engine.find(base.ref) or _import_base(base, base.tar, platform, source, engine, observer)
    here = engine.find(base.ref)
    if here is not None and here.platform.startswith(platform) and (not pull or is_offline()):
        return here
    refuse_offline(base.ref)
    given = engine.pull(base.ref, platform, observer)
    if not given.platform.startswith(platform):
        what = f"the registry gave {base.ref} for {given.platform}, and {platform} was asked for"
        raise BuildError(what, fix="name a base that is made for it, or another --platform")
    return given


def _import_base(
    base: LockedBase, tar: LockedFile, platform: Platform, source: Source, engine: Engine, observer: Observer
) -> ImageInfo:
    path = fetch([tar], source, Store(default_root()), observer)[tar.sha256]
    with step(observer, "import", f"base:{tar.sha256}", f"import base {base.key}"):
        if base.image_id:
            check_archive(path, base.image_id)
            return engine.load(base.ref, checked(tar, path))
        labels = {f"{LABEL}.kind": "base"}
        # Checked once more on its way: it may have been altered since it was fetched.
        return engine.import_tar(base.ref, checked(tar, path), labels=labels, platform=platform)


def engine_turn(engine: Engine, key: str, doing: str, observer: Observer) -> AbstractContextManager[None]:
    """Alone with this work on this engine, among the processes of this machine."""

    def waiting() -> None:
        observer(Note(f"another imgbuild {doing}: waiting for it"))

    return turn(default_root(), f"{engine.info().endpoint} {key}", waiting)


@contextmanager
def packages_alone(plan: Plan, engine: Engine, observer: Observer) -> Iterator[None]:
    """No other build with one of the plan's conda groups on this engine, among the processes of this machine.

    The mounted image of a group can be written in a build, and builds at the same time see each other's writes
    (Engine 20.10: one writable layer for all of them, although bind mounts are read-only by default). conda unpacks
    into a package directory that it can write, and would meet the other's half-made files there.
    """
    refs = sorted(
        {group.ref for group in plan.groups if group.kind == "conda"}
    )  # one order: nobody waits in a ring
    with ExitStack() as turns:
        for ref in refs:
            turns.enter_context(
                engine_turn(engine, f"build:{ref}", "builds with the same packages", observer)
            )
        yield


@contextmanager
def step(observer: Observer, phase: str, key: str, title: str) -> Iterator[None]:
    """Tell the observer that a step of ours runs, how long it took, and how it failed."""
    observer(StepStarted(phase, key, title))
    begun = time.monotonic()
    try:
        yield
    except BaseException as error:
        observer(StepFinished(key, time.monotonic() - begun, error=str(error) or type(error).__name__))
        raise
    observer(StepFinished(key, time.monotonic() - begun))
