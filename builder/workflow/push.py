"""`imgbuild push`: what was proven, and nothing else, under a permanent tag; the user's tags move last."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from builder.engine.port import Engine, ImageInfo
from builder.errors import ImgbuildError, RegistryError
from builder.lock.model import LockSet
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.plan import Plan
from builder.progress import Note, Observer
from builder.publish.record import Pushed
from builder.publish.signing import Signer, find_signer, sign, trusting
from builder.publish.tags import chosen_tags, permanent_tag, words
from builder.publish.there import Held, confirmed, held
from builder.registry.client import Registry
from builder.registry.faults import is_passing
from builder.registry.reference import Reference
from builder.registry.trust import daemon_trust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.settings.patience import Policy, read_policy
from builder.smoke.verdict import Verdict
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.beside import laid_beside
from builder.workflow.index import Index, index_of, other_plans, standing
from builder.workflow.pushable import PushOptions, image_of, planned_of, proof_of, target_of
from builder.workflow.records import Kept
from builder.workflow.supply import step

_ATTEMPTS = 2  # the engine itself tries each layer five times, with pauses of up to 20 seconds


@dataclass(frozen=True, slots=True)
class _Work:
    """What all steps of one push share. others: the plans of the platforms that the tags wait for."""

    spec: ImageSpec
    plan: Plan
    image: ImageInfo
    others: Mapping[Platform, Plan]
    verdict: Verdict | None
    engine: Engine
    writer: Writer
    target: Reference
    options: PushOptions
    observer: Observer
    policy: Policy
    signer: Signer | None

    @property
    def lock(self) -> LockSet:
        return self.plan.lock

    @property
    def plans(self) -> list[Plan]:
        """Of all that the tags stand for, in the definition's order."""
        found = {self.lock.platform: self.plan, **self.others}
        return [found[one] for one in self.spec.platforms if one in found]

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
    signer = find_signer(options.sign) if options.sign else None
    target = target_of(options.to)
    spec = load_image(project, ref)
    image = image_of(spec, engine, options)
    verdict = proof_of(project, spec, image, options)
    planned = planned_of(project, spec, image, options, observer)
    others = {} if options.alone else other_plans(project, planned)
    policy = read_policy()
    info = engine.info()
    trust = daemon_trust(insecure=info.insecure, mirrors=info.mirrors)
    with Wire(trust, policy) as wire:
        writer = Writer(Registry(target.host, wire, Logins(here())), target.repository, policy)
        if signer is not None:
            signer = trusting(signer, target.host, wire.base(target.api), trust)
        work = _Work(
            spec,
            planned.plan,
            image,
            others,
            verdict,
            engine,
            writer,
            target,
            options,
            observer,
            policy,
            signer,
        )
        tags = chosen_tags(options.tags, words(spec, work.plans, verdict, _day(image)))
        if options.dry_run:
            return _said(work, tags), None
        pushed = _published(project, work, tags)
    return pushed, records.keep_push(project, spec, pushed, observer)


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
            "waiting": _missing(work),
            "done": False,
        }
    )


def _missing(work: _Work) -> dict[str, str]:
    """Why other platforms' images do not count yet."""
    found = {one: standing(work.writer, plan, work.options.unproven) for one, plan in work.others.items()}
    return {platform: why for platform, why in found.items() if isinstance(why, str)}


def _published(project: Project, work: _Work, tags: tuple[str, ...]) -> Pushed:
    there = held(work.writer, work.permanent, work.image.id) or _brought(work)
    beside = laid_beside(
        project, work.plan, work.image, work.verdict, work.engine, work.writer, there, work.observer
    )
    record = _record(work).model_copy(update={"digest": there.digest, "beside": beside})
    index = None
    _signed(work, there.digest)
    record = record.model_copy(update={"signed": (there.digest,) if work.signer else ()})
    if work.others:
        index = index_of(there, work.plan, work.others, work.writer, work.options.unproven)
        if index.waiting:
            told = "; ".join(f"{platform}: {why}" for platform, why in index.waiting.items())
            end = "push it from where it is built, or add --alone"
            work.observer(
                Note(f"no tag was moved, because the image is made for others as well ({told}); {end}")
            )
            return record.model_copy(update={"waiting": dict(index.waiting)})
        if work.signer is not None:
            work.writer.put_manifest(index.digest, index.body, index.media_type)
            _signed(work, index.digest)
            record = record.model_copy(update={"signed": (there.digest, index.digest)})
    return _tagged(project, work, record, there, index, tags)


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


def _signed(work: _Work, digest: str) -> None:
    """Before any tag: who follows one finds what is signed."""
    if work.signer is not None:
        with step(work.observer, "push", f"sign:{digest}", f"sign {digest[:19]} with cosign"):
            sign(work.signer, f"{work.target.name}@{digest}")


def _tagged(
    project: Project, work: _Work, record: Pushed, there: Held, index: Index | None, tags: tuple[str, ...]
) -> Pushed:
    """Put the tags, one by one. Raises RegistryError with the tags that were put by then, which are recorded too."""
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
                told = f"of the tags {', '.join(tags)} {done}; {tag} was on its way and may stand for either"
                error.detail = f"{error.detail}\n{told}".lstrip()
                half = {"tags": put, "moved": moved, "failed": f"{tag}: {error.what}"}
                records.keep_push(project, work.spec, record.model_copy(update=half), work.observer)
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
