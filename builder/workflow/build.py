"""`imgbuild build`: plan, fetch, import, build, prove, name, record. Each step is skipped when its result is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError, ImgbuildError, ProofError
from builder.network.redact import redacted
from builder.plan import Plan
from builder.progress import Observer
from builder.render.context import context_tar
from builder.render.identity import finished
from builder.smoke.gpus import AUTO, NO_GPUS, Gpus, find_gpus
from builder.smoke.prove import Proof, prove
from builder.smoke.select import wants_gpu
from builder.smoke.verdict import Verdict
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.activation import freeze, is_frozen
from builder.workflow.auditing import with_audit
from builder.workflow.listing import proof_of, with_sbom
from builder.workflow.planning import Planned, plan_image, template_dirs
from builder.workflow.platforms import platform_for
from builder.workflow.records import Kept, Record
from builder.workflow.revision import revision_of
from builder.workflow.room import check_room
from builder.workflow.snapshots import snapshot_file
from builder.workflow.sources import NOTHING, Asked, choose
from builder.workflow.supply import LABEL, base_image, bring_in, engine_turn, packages_alone
from builder.workflow.sweep import sweep, working_name

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the build command's options say. gpus: for the proof, as `read_gpus` checks it. prefix is the repository
    prefix of names in the engine."""

    kit: str | None = None
    platform: Platform | None = None
    locked: bool = False
    force: bool = False
    pull: bool = False
    smoke: bool = True
    gpus: str = AUTO
    prefix: str = "imgbuild"
    tags: tuple[str, ...] = ()
    asked: Asked = NOTHING


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image. `unchanged` was found by its plan digest and not rebuilt."""

    status: Literal["built", "unchanged"]
    record: Record
    kept: Kept


def build(project: Project, ref: str, engine: Engine, options: Options, observer: Observer) -> Outcome:
    """Make one image and prove it. Raises the ImgbuildError of the step that failed; nothing is half-made.

    The image gets its name only when it passed (or when nothing was asked to be proven). One that was built and
    did not pass stays under the tag `...:unproven`, for a look inside.
    """
    spec = load_image(project, ref)
    platform = platform_for(spec, options.platform, engine_platform(engine))
    sweep(engine, observer)
    named = engine.find(spec.tag(options.prefix))
    label = named.labels.get(f"{LABEL}.source") if named else None
    source = choose(project, ref, options.kit, label=label, asked=options.asked)
    planned = plan_image(project, spec, source, platform, locked=options.locked, observer=observer)
    with engine_turn(engine, f"{ref}:{planned.plan.digest}", f"makes {ref}", observer):
        return _made_and_proven(project, planned, engine, options, observer)


def _made_and_proven(
    project: Project, planned: Planned, engine: Engine, options: Options, observer: Observer
) -> Outcome:
    spec = planned.plan.spec
    begun = time.monotonic()
    again = options.force or (options.pull and _base_moved(planned, engine, observer))
    image = None if again else existing(engine, planned.plan)
    status: Literal["built", "unchanged"] = "unchanged" if image else "built"
    image = image or _make(project, planned, engine, options, observer)
    seconds = time.monotonic() - begun
    with _set_aside(engine, spec, image, options):
        proof = _proof(project, engine, planned.plan, image, options, observer)
    _name(engine, spec, image, options, proof)
    sweep(engine, observer)  # again: an engine ends what it began to export, also when who asked was killed
    record = record_of(project, planned, engine, image, options, proof, seconds)
    beside = {**(proof.plots if proof else {}), **snapshot_file(project, planned)}
    kept = records.keep(project, spec, record, beside, observer)
    _stop_unless_passed(spec, record, options)
    return Outcome(status, record, kept)


@contextmanager
def _set_aside(engine: Engine, spec: ImageSpec, image: ImageInfo, options: Options) -> Iterator[None]:
    """When the proof does not come to its end, a new image is kept as `:unproven`, and its working name goes."""
    try:
        yield
    except BaseException:
        try:
            temporary = _temporary(image)
            if temporary:
                engine.tag(image.id, spec.unproven_tag(options.prefix))
            for tag in temporary:
                engine.remove(tag)
        except ImgbuildError as error:  # the first error is the one to tell
            log.warning("%s may be left with a working name: %s", image.id[:19], error)
        raise


def _temporary(image: ImageInfo) -> list[str]:
    return [tag for tag in image.tags if ":building-" in tag]


def engine_platform(engine: Engine) -> Platform:
    """The platform the engine builds for without emulation."""
    return "linux/arm64" if engine.info().platform.endswith(("arm64", "aarch64")) else "linux/amd64"


def existing(engine: Engine, plan: Plan) -> ImageInfo | None:
    """The image in the engine that was made from this very plan, if there is one."""
    found = engine.find_by_label({f"{LABEL}.plan": plan.digest, f"{LABEL}.image": plan.spec.ref})
    return next((image for image in found if is_frozen(image)), None)


def _make(
    project: Project, planned: Planned, engine: Engine, options: Options, observer: Observer
) -> ImageInfo:
    plan = planned.plan
    check_room(project, planned, engine, observer)
    bring_in(planned, engine, observer)
    base_before = base_image(planned, engine, observer, pull=options.pull)
    temporary = working_name(plan, options.prefix)
    rendered = finished(plan, template_dirs(project))
    with packages_alone(plan, engine, observer):
        image_id = engine.build(
            context_tar(rendered),
            tag=temporary,
            labels={},
            platform=plan.lock.platform,
            network="none",
            observer=observer,
            no_cache=options.force,
        )
    base_after = engine.find(plan.lock.base.ref)
    if base_after is None or base_after.id != base_before.id:
        engine.remove(temporary)
        raise BuildError(
            f"the base {plan.lock.base.ref} changed in the engine while {plan.spec.ref} was built",
            fix="find out who tags images in this engine, then build again",
        )
    image_id = freeze(engine, plan, image_id, temporary, observer)
    image = engine.find(image_id)
    if image is None:
        raise BuildError(f"the engine built {image_id} and no longer has it", fix="build again")
    return image


def _base_moved(planned: Planned, engine: Engine, observer: Observer) -> bool:
    """Pull the base and say whether its name stands for another image now; a kit's base never does."""
    before = engine.find(planned.plan.lock.base.ref)
    after = base_image(planned, engine, observer, pull=True)
    return before is not None and before.id != after.id


def _proof(
    project: Project, engine: Engine, plan: Plan, image: ImageInfo, options: Options, observer: Observer
) -> Proof | None:
    """The verdict of this very image: the recorded one where image and tests are the same and it passed."""
    if not options.smoke:
        return None
    gpus = gpus_for(engine, plan, image.id, options.gpus)
    held = None if options.force else recorded(project, plan, image.id, gpus)
    if held is not None:
        return held
    proof = prove(engine, plan, image.id, observer=observer, gpus=gpus)
    return with_sbom(with_audit(proof, plan, engine, image, observer), plan, engine, image, observer)


def recorded(project: Project, plan: Plan, image_id: str, gpus: Gpus) -> Proof | None:
    """The recorded proof of this very image, when it passed and proving again would do no more.

    What was proven with a GPU holds where there is none; what was proven without does not where there is one.
    """
    record = records.read(project, plan.spec.ref)
    if record is None or record.image_id != image_id or record.verdict is None or not record.verdict.passed:
        return None
    enough = {proof_of(plan, with_gpu=True), proof_of(plan, with_gpu=gpus.request is not None)}
    return Proof(record.verdict, {}, record.proof_digest) if record.proof_digest in enough else None


def gpus_for(engine: Engine, plan: Plan, image_id: str, asked: str) -> Gpus:
    """The GPUs for the tests of this plan; nobody looks for any where no test has use for one."""
    return find_gpus(engine, image_id, asked) if wants_gpu(plan) else NO_GPUS


def _name(engine: Engine, spec: ImageSpec, image: ImageInfo, options: Options, proof: Proof | None) -> None:
    """Move the image's names to what passed; what did not pass gets only `:unproven`."""
    unproven = spec.unproven_tag(options.prefix)
    temporary = _temporary(image)
    if proof is not None and not proof.verdict.passed:
        engine.tag(image.id, unproven)
        # It had its name from a proof that no longer holds: the tests were changed, and this is what they say.
        temporary += [tag for tag in (spec.tag(options.prefix), *options.tags) if tag in image.tags]
    else:
        for tag in (spec.tag(options.prefix), *options.tags):
            engine.tag(image.id, tag)
        if unproven in image.tags:
            temporary.append(unproven)
    for tag in temporary:
        engine.remove(tag)


def record_of(
    project: Project,
    planned: Planned,
    engine: Engine,
    image: ImageInfo,
    options: Options,
    proof: Proof | None,
    seconds: float,
) -> Record:
    """What to keep of a build or a test; seconds is what the build alone took."""
    plan = planned.plan
    before = records.read(project, plan.spec.ref)
    same = before is not None and before.image_id == image.id  # it was built then, and is tested again
    return Record(
        image=plan.spec.ref,
        tag=plan.spec.tag(options.prefix),
        image_id=image.id,
        size=image.size,
        plan_digest=plan.digest,
        lock_digest=plan.lock.digest,
        source=plan.lock.source.label,
        kit=str(root) if (root := getattr(planned.source, "root", None)) else None,
        engine=engine.info().version,
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        build_seconds=round(seconds, 2),
        proof_digest=proof.digest if proof else "",
        verdict=proof.verdict if proof else None,
        version=image.labels.get(f"{LABEL}.version", ""),
        env={name: redacted(value) for name, value in image.env.items()},
        layers=image.diff_ids,
        revision=before.revision if before is not None and same else revision_of(project),
    )


def _stop_unless_passed(spec: ImageSpec, record: Record, options: Options) -> None:
    verdict = record.verdict
    if verdict is None or verdict.passed:
        return
    raise failed_proof(spec, verdict, f"docker run --rm -it {spec.unproven_tag(options.prefix)} bash")


def failed_proof(spec: ImageSpec, verdict: Verdict, look: str) -> ProofError:
    """The error for a verdict that did not pass: each failed test with its reason."""
    bad = [result for result in verdict.results if result.outcome not in {"passed", "not-run"}]
    lines: list[str] = []
    for result in bad:
        lines.append(f"{result.name} in {result.environment}: {result.outcome}: {result.reason}")
        lines.extend(f"    {line}" for line in result.output.rstrip().splitlines()[-12:])
    if not bad:
        lines.append("no test ran, so nothing is proven")
    return ProofError(
        f"{spec.ref} was built and is not proven: {len(bad)} of {len(verdict.results)} tests failed",
        where=verdict.image_id[:19],
        fix=f"look inside with `{look}`, mend it and build again",
        detail="\n".join(lines),
    )
