"""`apt:` resolved inside the base: its own apt, with its own keys, over indexes that this machine fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builder.engine.port import ContainerSpec, Engine, Limits
from builder.errors import EngineError, LockError
from builder.lock.apt import answer
from builder.lock.apt.packages import DEBIAN_ARCHITECTURE, AptPackages, ResolveApt
from builder.lock.apt.sources import Repository, local_sources, read_sources
from builder.lock.model import LockedBase
from builder.lock.source import Source
from builder.progress import Observer, StepAdvanced
from builder.spec.model import ImageSpec, Platform
from builder.store.apt_index import Archive, HttpArchive, Indexes, collect
from builder.store.cache import Store, default_root
from builder.workflow.supply import bring_base, step

VOLUME = "/imgbuild/apt"
OUT = "out"
NO_APT = 44
UID = 12345
LIMITS = Limits(memory=3 << 30, tmpfs=2 << 30, pids=256, seconds=600.0)
_PAYLOAD = Path(__file__).with_name("payload")
_CANNOT_RUN = "exec format error"


def resolving(source: Source, observer: Observer, archive: Archive | None = None) -> ResolveApt:
    """What resolves `apt:` while a lock is made. archive: where indexes come from, else HTTP through the source."""

    def ask(spec: ImageSpec, platform: Platform, base: LockedBase) -> AptPackages:
        return resolve_apt(spec, platform, base, source, archive, observer)

    return ask


def resolve_apt(
    spec: ImageSpec,
    platform: Platform,
    base: LockedBase,
    source: Source,
    archive: Archive | None,
    observer: Observer,
) -> AptPackages:
    """The packages that the base's apt would add for `apt:`, by the signed indexes of the base's own sources.

    Raises EngineError without an engine, BuildError when base or indexes cannot be had, LockError for sources,
    signatures, dates and names that apt does not take.
    """
    where = str(spec.folder / "image.yml")
    engine = _engine(where)
    image = bring_base(base, platform, source, engine, observer, pull=False).id
    with step(observer, "lock", "apt:base", f"look at the package sources of {base.key}"):
        repositories, architecture = _sources(engine, image, base, platform)
    indexes = collect(
        repositories, architecture, archive or HttpArchive(source, Store(default_root()), observer)
    )
    asked = answer.Asked(where, base.key, spec.apt, repositories, f"{VOLUME}/archives")
    with step(observer, "lock", "apt:resolve", f"resolve the OS packages in {base.key}"):
        said = _ask(engine, image, asked, architecture, indexes)
        found = answer.packages(asked, said)
        observer(StepAdvanced("apt:resolve", len(found), len(found), "packages"))
    return AptPackages(packages=found, releases=indexes.releases)


def _engine(where: str) -> Engine:
    from builder.engine.connect import connect

    try:
        return connect()
    except EngineError as error:
        what = f"apt: needs a container engine, because apt of the base resolves the packages: {error.what}"
        raise EngineError(what, where=error.where or where, fix=error.fix, detail=error.detail) from error


def _sources(
    engine: Engine, image: str, base: LockedBase, platform: Platform
) -> tuple[tuple[Repository, ...], str]:
    """The base's repositories, and its architecture as dpkg says it."""
    said = _run(engine, image, base.key, ("apt-look.sh", f"{VOLUME}/{OUT}"), {})
    architecture = said.get("architecture", "").strip()
    if architecture != DEBIAN_ARCHITECTURE[platform]:
        what = f"the base {base.key} in the engine is made for {architecture}, and the lock is for {platform}"
        raise LockError(what, where=base.ref, fix="lock on an engine of that platform")
    files = {name.removeprefix("etc/"): text for name, text in said.items() if name.startswith("etc/")}
    repositories = read_sources(files, architecture)
    if not repositories:
        what = f"the base {base.key} has no package sources"
        raise LockError(what, where=base.ref, fix="choose another base, or take the packages from conda")
    return repositories, architecture


def _ask(
    engine: Engine, image: str, asked: answer.Asked, architecture: str, indexes: Indexes
) -> Mapping[str, str]:
    files = {f"archives/{path}": data for path, data in indexes.files.items()}
    files["base.sources"] = local_sources(asked.repositories, asked.folder).encode()
    words = ("apt-resolve.sh", VOLUME, f"{VOLUME}/{OUT}", architecture, *asked.names)
    return _run(engine, image, asked.base, words, files)


def _run(
    engine: Engine, image: str, base: str, words: tuple[str, ...], files: Mapping[str, bytes]
) -> dict[str, str]:
    """Run one of our scripts in the base, with the network off; the files it left, as text."""
    script, *rest = words
    spec = ContainerSpec(
        image=image,
        argv=("/bin/sh", f"{VOLUME}/{script}", *rest),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"},  # noqa: S108  (inside the container)
        uid=UID,
        limits=LIMITS,
        volume=VOLUME,
        workdir="/",
        entrypoint=(),
    )
    with engine.container(spec) as container:
        container.copy_in({**files, script: (_PAYLOAD / script).read_bytes()}, writable=(OUT,))
        ended = container.run()
        left = container.copy_out(OUT)
    if ended.code == NO_APT:
        raise LockError(
            f"the base {base} has no apt",
            where=base,
            fix="take the packages from conda, or choose another base",
        )
    if ended.code != 0:
        fix = "see its last lines"
        if _CANNOT_RUN in ended.output:
            fix = "apt of the base resolves the packages: lock on an engine of the base's platform"
        how = "ran out of time" if ended.timed_out else f"ended with code {ended.code}"
        what = f"asking apt of the base {base} {how}"
        raise LockError(what, where=base, fix=fix, detail=ended.output[-3000:])
    return {name: data.decode("utf-8", errors="replace") for name, data in left.items()}
