"""`imgbuild check-host`: what an image says of itself, from the engine or a registry, held against a machine."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from builder.engine.port import Engine, EngineInfo
from builder.errors import EngineError, RegistryError, UsageError
from builder.fit.needs import Needs, needs
from builder.fit.there import Fits, Point, Verdict, judge
from builder.gpu.drivers import driver
from builder.gpu.gpus import find_gpu
from builder.host.look import look
from builder.host.machine import Machine
from builder.host.model import Host, HostGpu
from builder.host.ready import EngineFacts, containers
from builder.progress import Note, Observer
from builder.registry.reference import parse_reference
from builder.spec.load import load_image
from builder.spec.project import Project
from builder.values import Value
from builder.workflow.platforms import host_platform

Source: TypeAlias = Literal["auto", "engine", "registry"]


@dataclass(frozen=True, slots=True)
class Question:
    """What the options say. gpus, driver: of another machine than this one. machine: where this one is looked at."""

    gpus: tuple[str, ...] = ()
    driver: str | None = None
    source: Source = "auto"
    platform: str | None = None
    prefix: str = "imgbuild"
    machine: Machine = field(default_factory=Machine)


class Subject(Value):
    """The image. place: who told of it; id: `sha256:...` of the engine's image, or the digest in the registry."""

    name: str
    place: Literal["engine", "registry"]
    id: str
    platform: str


class Checked(Value):
    """The answer, what it stands on, and the machine."""

    image: str
    fits: Fits
    subject: Subject | None
    said: str
    points: tuple[Point, ...]
    host: Host


def check_host(project: Project, name: str, question: Question, observer: Observer) -> Checked:
    """Whether ENV[@VARIANT] or an image runs on this machine, or on the one that the question names.

    Raises UsageError for an unknown GPU, driver or image, EngineError and RegistryError (also BuildError offline)
    where the image cannot be asked.
    """
    host = _host(question)
    asked = _Asked(name, question, *_engine())
    try:
        subject, wanted = (
            _of_environment(project, asked) if _is_ours(project, name) else _image(project, asked, observer)
        )
    except RegistryError as error:
        if error.kind != "platform":
            raise
        return _only_others(name, error, host)
    points = judge(wanted, host)
    if wanted.said in {"labels", "variables"} and not host.asked:
        points = (*points, _toolkit(host, asked.info))
    verdict = Verdict.of(points)
    return Checked(
        image=name, fits=verdict.fits, subject=subject, said=wanted.said, points=verdict.points, host=host
    )


def engine_facts(info: EngineInfo | None) -> EngineFacts | None:
    """What matters of an engine for GPUs."""
    if info is None:
        return None
    rootless = "/run/user/" in info.endpoint or "/.docker/" in info.endpoint
    return EngineFacts(
        version=info.version,
        here=info.here,
        rootless=rootless,
        runtimes=info.runtimes,
        devices=info.devices,
    )


def _host(question: Question) -> Host:
    """The machine that is meant; names are checked before anything else is done."""
    rows = [find_gpu(name) for name in question.gpus]
    version = str(driver(question.driver)) if question.driver else ""
    platform = question.platform or host_platform()
    if not rows and not version:
        return look(question.machine)
    gpus = tuple(HostGpu(name=row.title, compute=row.compute) for row in rows)
    return Host(platform=platform, driver=version, gpus=gpus, asked=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked, and who may answer. engine: None where none does, and trouble why."""

    name: str
    question: Question
    engine: Engine | None
    info: EngineInfo | None
    trouble: str

    def in_engine(self, ref: str, fix: str) -> tuple[Subject, Needs]:
        """Raises EngineError without an engine, UsageError where it has no such image."""
        if self.engine is None:
            raise EngineError(self.trouble, fix="start the engine, or name a reference and --from registry")
        found = _in_engine(self.engine, ref, self.name)
        if found is None:
            raise UsageError(f"the engine has no image {ref}", fix=fix)
        return found


def _engine() -> tuple[Engine | None, EngineInfo | None, str]:
    from builder.engine.connect import connect

    try:
        engine = connect()
        return engine, engine.info(), ""
    except EngineError as error:
        return None, None, error.what


def _is_ours(project: Project, name: str) -> bool:
    return name.partition("@")[0] in project.names()


def _of_environment(project: Project, asked: _Asked) -> tuple[Subject, Needs]:
    tag = load_image(project, asked.name).tag(asked.question.prefix)
    if asked.question.source == "registry":
        raise UsageError(
            f"{asked.name} is an environment, which no registry knows",
            fix="write its reference: HOST/NAME:TAG",
        )
    return asked.in_engine(tag, f"build it: imgbuild build {asked.name}")


def _image(project: Project, asked: _Asked, observer: Observer) -> tuple[Subject, Needs]:
    name, source = asked.name, asked.question.source
    parse_reference(name)  # before an engine stumbles over it
    if source == "engine":
        return asked.in_engine(name, "pull it, or ask with --from registry")
    found = _in_engine(asked.engine, name, name) if asked.engine is not None and source == "auto" else None
    if found is not None:
        return found
    if source == "auto":
        _refuse_slip(project, name)
        why = asked.trouble or "the engine does not have it"
        observer(Note(f"{name}: {why}, so its registry is asked"))
    return _in_registry(name, asked.question.platform or host_platform(), asked.info)


def _refuse_slip(project: Project, name: str) -> None:
    """Raise UsageError for a word that is nearly an environment's name: Docker Hub would be asked for it."""
    near = [] if set(name) & set("/:") else difflib.get_close_matches(name, project.names(), n=2, cutoff=0.8)
    if near:
        raise UsageError(
            f"{name!r} is no environment of this project",
            fix=f"did you mean {' or '.join(near)}? An image of Docker Hub: docker.io/library/{name}",
        )


def _in_engine(engine: Engine, tag: str, name: str) -> tuple[Subject, Needs] | None:
    found = engine.find(tag)
    if found is None:
        return None
    subject = Subject(name=name, place="engine", id=found.id, platform=found.platform)
    return subject, needs(found.labels, found.env, found.platform)


def _in_registry(name: str, platform: str, info: EngineInfo | None) -> tuple[Subject, Needs]:
    from builder.registry.read import read_config
    from builder.registry.trust import daemon_trust

    insecure, mirrors = (info.insecure, info.mirrors) if info is not None else ((), ())
    ref = parse_reference(name)
    found = read_config(ref, platform, trust=daemon_trust(insecure=insecure, mirrors=mirrors))
    subject = Subject(name=str(ref), place="registry", id=found.digest, platform=found.platform)
    return subject, needs(found.labels, found.env, found.platform)


def _only_others(name: str, error: RegistryError, host: Host) -> Checked:
    """An index without an image for the platform: nothing else of it matters then."""
    point = Point(
        what="platform", needs=error.fix, has=host.platform or host_platform(), fits="no", note=error.what
    )
    return Checked(image=name, fits="no", subject=None, said="nothing", points=(point,), host=host)


def _toolkit(host: Host, info: EngineInfo | None) -> Point:
    found = containers(host, engine_facts(info))
    has = f"version {host.toolkit.version}" if host.toolkit.version else found.how
    note = found.how if host.toolkit.version else ""
    return Point(
        what="container toolkit",
        needs="GPUs handed to containers",
        has=has,
        fits=found.state,
        note=note,
        fix="" if found.state == "yes" else "`imgbuild doctor` says what it takes",
    )
