"""From an image's name and what was asked for to the program that the engine is asked to run."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.engine.attended import CACHE_VOLUME, Account, Mount, ProgramEngine, ProgramSpec, Publish
from builder.engine.port import SHM, Engine, EngineInfo, ImageInfo
from builder.errors import EngineError, ImgbuildError, UsageError
from builder.progress import Event, Note, silent
from builder.smoke.gpus import AUTO, find_gpus
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow.planning import plan_image
from builder.workflow.running.terminal import known_terminal
from builder.workflow.sources import choose
from builder.workflow.supply import LABEL
from builder.workflow.sweep import sweep

WORK = "/work"
CACHE = "/cache"
_UNKNOWN_MEMORY = 2 << 30
_UNNAMED = re.compile(r"[^a-zA-Z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say. argv empty: the image's own command. mount: the current directory at /work. user None: the
    caller's. shm and memory in bytes; shm None: half of the memory. cache: the caller's volume at /cache. unset:
    variables asked for by name that are not set here."""

    argv: tuple[str, ...] = ()
    mount: bool = True
    mounts: tuple[Mount, ...] = ()
    cache: bool = True
    user: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    ports: tuple[Publish, ...] = ()
    network: str = "bridge"
    gpus: str = AUTO
    shm: int | None = None
    memory: int | None = None
    workdir: str = ""
    name: str = ""
    prefix: str = "imgbuild"
    kit: str | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """Who calls, and from where. ids: UID and GID, None where the system has none. account: the name, for the caches'
    volume too. terminal: there is one; term: what `TERM` says of it. stdin: there is something to read."""

    directory: Path
    ids: tuple[int, int] | None
    account: str
    terminal: bool = False
    term: str = ""
    stdin: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to run, and sentences for people."""

    spec: ProgramSpec
    notes: tuple[str, ...]


def look_here(terminal: bool, stdin: bool) -> Here:
    """This process. Raises UsageError when its directory is gone."""
    try:
        directory = Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current directory is gone", fix="change to one that is there") from error
    ids = (os.getuid(), os.getgid()) if hasattr(os, "getuid") else None
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a UID without an account and without USER
        account = str(ids[0]) if ids else "user"
    name = _UNNAMED.sub("-", account) or "user"
    return Here(directory, ids, name, terminal, os.environ.get("TERM", ""), stdin)


def prepare(project: Project, ref: str, engine: ProgramEngine, wish: Wish, here: Here) -> Prepared:
    """The program for this image.

    Raises UsageError when the image is not in the engine, EngineError when the engine cannot see a directory that was
    asked for, or has not the GPUs.
    """
    spec = load_image(project, ref)
    tag, image = _image(spec, engine, wish.prefix)
    info = engine.info()
    mounts = _mounts(wish, here, info)
    notes = [*_swept(engine), *_state(project, spec, tag, image, wish), *_told(wish, here, info)]
    gpus = find_gpus(engine, image.id, wish.gpus)
    if gpus.request is None and spec.cuda is not None and wish.gpus == AUTO:
        notes.append(f"no GPUs: {gpus.why}")
    env = {**({} if gpus.request else {"NVIDIA_VISIBLE_DEVICES": "void"}), **_about(here), **wish.env}
    at_work = any(one.target == WORK for one in mounts)
    program = ProgramSpec(
        image=tag,
        argv=wish.argv,
        env=env,
        user=_user(wish, here, info),
        groups=("0",),  # what an image leaves to its users belongs to this group
        account=_account(wish, here, info, image),
        workdir=wish.workdir or (WORK if at_work else ""),
        mounts=mounts,
        ports=wish.ports,
        network=wish.network,
        shm=wish.shm or _half(wish.memory or info.memory),
        memory=wish.memory,
        gpus=gpus.request,
        pinned=not info.rootless,
        tty=here.terminal,
        stdin=here.stdin,
        name=wish.name,
        hostname=_hostname(spec, wish.network),
        unlabelled=info.selinux and any(one.kind == "bind" for one in mounts),
    )
    return Prepared(program, tuple(notes))


def _image(spec: ImageSpec, engine: Engine, prefix: str) -> tuple[str, ImageInfo]:
    for tag in (spec.tag(prefix), spec.unproven_tag(prefix)):
        image = engine.find(tag)
        if image is not None:
            return tag, image
    raise UsageError(
        f"there is no image {spec.tag(prefix)} in the engine", fix=f"run `imgbuild build {spec.ref}`"
    )


def _swept(engine: Engine) -> list[str]:
    notes: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    sweep(engine, listen)
    return notes


def _state(project: Project, spec: ImageSpec, tag: str, image: ImageInfo, wish: Wish) -> Iterator[str]:
    """What is to be known of an image before it is used. It runs all the same."""
    again = f"`imgbuild build {spec.ref}`"
    if tag != spec.tag(wish.prefix):
        yield f"this image has not passed its tests; {again} says why"
    platform = next((one for one in spec.platforms if one == image.platform), None)
    if platform is None:
        yield f"{spec.ref} is not declared for {image.platform} now, which this image is made for"
        return
    try:
        source = choose(project, spec.ref, wish.kit, label=image.labels.get(f"{LABEL}.source"))
        planned = plan_image(project, spec, source, platform, locked=True, observer=silent)
    except ImgbuildError as error:
        yield f"whether this image is what {spec.ref} says now is not known: {error.what}"
        return
    if image.labels.get(f"{LABEL}.plan", "") != planned.plan.digest:
        yield f"this image is older than what {spec.ref} says now; {again} makes it anew"


def _told(wish: Wish, here: Here, info: EngineInfo) -> Iterator[str]:
    for name in wish.unset:
        yield f"{name} is not set here, and so it is not set for the program"
    if info.remaps and not info.rootless and (wish.mount or wish.mounts):
        yield "this engine gives users other numbers: files in mounted directories will not be yours"
    if wish.ports and wish.network in {"none", "host"}:
        yield f"with --network {wish.network} no port is published"


def _mounts(wish: Wish, here: Here, info: EngineInfo) -> tuple[Mount, ...]:
    """Those asked for, and what none of them stands in the place of."""
    taken = {one.target.rstrip("/") for one in wish.mounts}
    own = []
    if wish.mount and WORK not in taken:
        own.append(Mount("bind", str(here.directory), WORK))
    if wish.cache and CACHE not in taken:
        own.append(Mount("volume", f"{CACHE_VOLUME}{here.account}", CACHE))
    mounts = (*own, *wish.mounts)
    unseen = next((one for one in mounts if one.kind == "bind"), None)
    if unseen is not None and not info.sees_paths:
        raise EngineError(
            f"the engine does not see this machine's directories, and {unseen.source} is to be mounted",
            where=info.endpoint,
            fix="leave the current directory out with --no-mount; for data use a volume: --volume NAME:/PATH",
        )
    return mounts


def _user(wish: Wish, here: Here, info: EngineInfo) -> str:
    """The caller, so that new files belong to them. The caller of a rootless engine is root in its containers."""
    if wish.user is not None:
        return wish.user
    if info.rootless:
        return "0:0"
    return "" if here.ids is None else f"{here.ids[0]}:{here.ids[1]}"


def _account(wish: Wish, here: Here, info: EngineInfo, image: ImageInfo) -> Account | None:
    """The caller by name, where the caller is the user."""
    if wish.user is not None or info.rootless or here.ids is None:
        return None
    home = image.env.get("HOME", "/")
    return Account(here.account, *here.ids, home if ":" not in home and home.isprintable() else "/")


def _about(here: Here) -> dict[str, str]:
    terminal = {"TERM": known_terminal(here.term)} if here.terminal else {}
    return {"USER": here.account, **terminal}


def _half(memory: int) -> int:
    """What /dev/shm may hold: workers of a data loader hand batches over in it, and only what is used is taken."""
    return max(SHM, (memory or _UNKNOWN_MEMORY) // 2)


def _hostname(spec: ImageSpec, network: str) -> str:
    """The environment's name, for the prompt; where the container has a host name of its own."""
    if network == "host" or network.startswith("container:"):
        return ""
    return spec.name[:63].rstrip("-._")
