"""`imgbuild push`: what was proven, and nothing else, under a permanent tag; the user's tags move last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone

from builder.engine.port import Engine, ImageInfo
from builder.errors import ImgbuildError, PublishError, RegistryError, UsageError
from builder.lock.model import LockSet
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.plan import Plan
from builder.progress import Note, Observer
from builder.publish.record import Pushed
from builder.publish.tags import chosen_tags, permanent_tag, words
from builder.publish.there import Held, confirmed, held
from builder.publish.travel import documents
from builder.registry.client import Registry
from builder.registry.faults import is_passing
from builder.registry.reference import Reference, parse_reference
from builder.registry.referrers import attach
from builder.registry.trust import daemon_trust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.sbom.documents import FILES
from builder.settings.patience import Policy, read_policy
from builder.smoke.verdict import Verdict
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.build import engine_platform
from builder.workflow.index import Index, index_of
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for
from builder.workflow.prove import same_plan
from builder.workflow.records import Kept
from builder.workflow.sources import choose
from builder.workflow.supply import LABEL, step

_ATTEMPTS = 2  # the engine itself tries each layer five times, with pauses of up to 20 seconds


@dataclass(frozen=True, slots=True)
class PushOptions:
    """to: a repository, `registry.example.org/team/train`. tags: as `--tag` has them. unproven: the reason to push
    without a passed verdict. alone: tags stand for this platform, whatever others the image is declared for."""

    to: str
    tags: tuple[str, ...] = ()
    unproven: str = ""
    alone: bool = False
    dry_run: bool = False
    kit: str | None = None
    prefix: str = "imgbuild"


@dataclass(frozen=True, slots=True)
class _Work:
    """What all steps of one push share."""

    spec: ImageSpec
    plan: Plan
    image: ImageInfo
    verdict: Verdict | None
    engine: Engine
    writer: Writer
    target: Reference
    options: PushOptions
    observer: Observer
    policy: Policy

    @property
    def lock(self) -> LockSet:
        return self.plan.lock

    @property
    def permanent(self) -> str:
        return permanent_tag(self.plan.digest)


def push(
    project: Project, ref: str, engine: Engine, options: PushOptions, observer: Observer
) -> tuple[Pushed, Kept | None]:
    """Push the image that carries this environment's name, and put its tags.

    Raises PublishError for one that is not proven, RegistryError for what the registry refuses or does not hold
    afterwards, UsageError for names and tags, EngineError when the engine goes away. No tag of the user's is moved
    before everything else is there.
    """
    target = _target(options.to)
    spec = load_image(project, ref)
    image = _image(spec, engine, options)
    verdict = _proof(project, spec, image, options)
    planned = _planned(project, spec, engine, image, options, observer)
    policy = read_policy()
    with _writing(engine, target, policy) as writer:
        work = _Work(spec, planned.plan, image, verdict, engine, writer, target, options, observer, policy)
        tags = chosen_tags(options.tags, words(spec, work.lock, work.plan.digest, verdict, _day(image)))
        if options.dry_run:
            return _said(work, tags), None
        pushed = _published(project, work, tags)
    return pushed, records.keep_push(project, spec, pushed, observer)


def _target(text: str) -> Reference:
    """A repository without a tag. Raises UsageError."""
    target = parse_reference(text)
    if target.digest or ":" in text.rpartition("/")[2]:
        raise UsageError(
            f"`{text}` has a tag or a digest", where="--to", fix="name the repository, and tags with --tag"
        )
    return target


def _image(spec: ImageSpec, engine: Engine, options: PushOptions) -> ImageInfo:
    names = [spec.tag(options.prefix), *([spec.unproven_tag(options.prefix)] if options.unproven else [])]
    image = next((found for name in names if (found := engine.find(name)) is not None), None)
    if image is None:
        raise UsageError(
            f"there is no image {names[0]} in the engine", fix=f"run `imgbuild build {spec.ref}`"
        )
    return image


def _proof(project: Project, spec: ImageSpec, image: ImageInfo, options: PushOptions) -> Verdict | None:
    """The passed verdict about this very image. Raises PublishError where there is none and nobody says why."""
    record = records.read(project, spec.ref)
    verdict = record.verdict if record and record.image_id == image.id else None
    if verdict is not None and verdict.passed and verdict.image_id == image.id:
        whole = "cpu" not in verdict.not_proven
        if whole or options.unproven:
            return verdict
        why = f"only a part of its tests was run ({verdict.not_proven['cpu']})"
    elif verdict is not None:
        why = "it did not pass its proof"
    else:
        why = "no verdict about this very image is recorded here"
    if options.unproven:
        return verdict
    raise PublishError(
        f"{spec.ref} is not pushed: {why}",
        where=image.id[:19],
        fix=f"prove it: `imgbuild test {spec.ref}`; or say why it goes without, with --unproven REASON",
    )


def _planned(
    project: Project,
    spec: ImageSpec,
    engine: Engine,
    image: ImageInfo,
    options: PushOptions,
    observer: Observer,
) -> Planned:
    """The plan that the image was made from. Raises UsageError when the definition has moved on."""
    source = choose(project, spec.ref, options.kit, label=image.labels.get(f"{LABEL}.source"))
    platform = platform_for(spec, None, engine_platform(engine))
    planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    same_plan(spec, planned, image)
    return planned


@contextmanager
def _writing(engine: Engine, target: Reference, policy: Policy) -> Iterator[Writer]:
    info = engine.info()
    trust = daemon_trust(insecure=info.insecure, mirrors=info.mirrors)
    with Wire(trust, policy) as wire:
        yield Writer(Registry(target.host, wire, Logins(here())), target.repository, policy)


def _day(image: ImageInfo) -> datetime:
    """When the image was made: the day that its tag says."""
    try:
        return datetime.fromisoformat(image.created[:19]).replace(tzinfo=timezone.utc)
    except ValueError:
        return datetime.now(timezone.utc)


def _said(work: _Work, tags: tuple[str, ...]) -> Pushed:
    """What would be done: the registry is asked what the tags stand for, and nothing is written."""
    there = held(work.writer, work.permanent, work.image.id)
    now = {tag: found.digest for tag in tags if (found := work.writer.find_manifest(tag))}
    return _record(work).model_copy(
        update={
            "digest": there.digest if there else "",
            "tags": {tag: now.get(tag, "") for tag in tags},
            "done": False,
        }
    )


def _published(project: Project, work: _Work, tags: tuple[str, ...]) -> Pushed:
    there = held(work.writer, work.permanent, work.image.id) or _brought(work)
    beside = _beside(project, work, there)
    index = (
        None
        if work.options.alone
        else index_of(project, work.spec, work.plan, there, work.writer, work.options.kit)
    )
    record = _record(work).model_copy(update={"digest": there.digest, "beside": beside})
    if index is not None and index.waiting:
        names = ", ".join(index.waiting)
        work.observer(
            Note(
                f"no tag was moved: {names} is not there yet; push it from where it is built, or add --alone"
            )
        )
        return record.model_copy(update={"waiting": index.waiting})
    return _tagged(work, record, there, index, tags)


def _brought(work: _Work) -> Held:
    """Have the engine push, as often as what fails may pass, and ask the registry what it holds."""
    work.writer.probe()  # rights and room, before the engine compresses anything
    name = f"{work.target.name}:{work.permanent}"
    work.engine.tag(work.image.id, name)
    try:
        said = _patient(work, lambda: work.engine.push(name, work.observer))
    finally:
        work.engine.remove(name)
    return confirmed(work.writer, work.permanent, work.image.id, said)


def _patient(work: _Work, act: Callable[[], str]) -> str:
    failed = 0
    while True:
        try:
            return act()
        except RegistryError as error:  # noqa: PERF203  (it tries again on purpose)
            failed += 1
            # We were let in with the same login just now. An engine whose first question was not answered sends none.
            passing = is_passing(error) or error.kind == "denied"
            if failed >= min(_ATTEMPTS, work.policy.attempts) or not passing:
                raise
            wait = work.policy.wait(failed)
            work.observer(Note(f"{error.what}: trying again in {wait:.1f} s"))
            time.sleep(wait)


def _beside(project: Project, work: _Work, there: Held) -> dict[str, str]:
    """Lock, verdict and the lists of packages beside the image."""
    found = documents(work.lock, work.verdict, _sboms(project, work) if work.verdict else {})
    with step(work.observer, "push", "push:beside", f"lay {', '.join(one.name for one in found)} beside it"):
        document = there.document
        return {
            one.name: attach(work.writer, document.digest, document.media_type, len(document.body), one)
            for one in found
        }


def _sboms(project: Project, work: _Work) -> dict[str, tuple[str, bytes]]:
    """What the proof of this very image has kept beside its record; lists of an earlier image may lie there."""
    folder = records.folder(project, work.spec.ref)
    kept = {kind: folder / name for kind, name in FILES.items()}
    found = {kind: (path.name, path.read_bytes()) for kind, path in kept.items() if path.is_file()}
    return {kind: one for kind, one in found.items() if work.image.id.encode() in one[1]}


def _tagged(work: _Work, record: Pushed, there: Held, index: Index | None, tags: tuple[str, ...]) -> Pushed:
    """Put the tags, one by one. Raises RegistryError with the tags that were put by then."""
    body, kind = (index.body, index.media_type) if index else (there.document.body, there.document.media_type)
    put: dict[str, str] = {}
    moved: dict[str, str] = {}
    for tag in tags:
        with step(work.observer, "push", f"tag:{tag}", f"tag {tag}"):
            try:
                before = work.writer.find_manifest(tag)
                digest = put[tag] = work.writer.put_manifest(tag, body, kind)
            except ImgbuildError as error:
                done = f"put were {', '.join(put)}" if put else "none was put"
                told = f"of the tags {', '.join(tags)} {done}"
                error.detail = f"{error.detail}\n{told}".lstrip()
                raise
            if before is not None and before.digest != digest:
                moved[tag] = before.digest
    return record.model_copy(update={"tags": put, "moved": moved, "index": index.digest if index else ""})


def _record(work: _Work) -> Pushed:
    verdict = work.verdict
    return Pushed(
        image=work.spec.ref,
        image_id=work.image.id,
        plan_digest=work.plan.digest,
        lock_digest=work.lock.digest,
        platform=work.lock.platform,
        repository=work.target.name,
        permanent=work.permanent,
        unproven=work.options.unproven,
        proven=verdict is not None and verdict.passed,
        engine=work.engine.info().version,
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
