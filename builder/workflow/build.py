"""`imgbuild build`: plan, fetch, import, build, prove, name, record. Each step is skipped when its result is there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError, ProofError
from builder.plan import PackageGroup, Plan
from builder.progress import Observer, StepFinished, StepStarted
from builder.render.context import context_tar
from builder.render.identity import finished
from builder.smoke.prove import Proof, proof_digest, prove
from builder.smoke.verdict import Verdict
from builder.spec.load import load_image
from builder.spec.model import ImageSpec, Platform
from builder.spec.project import Project
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.store.pack import pack
from builder.workflow import records
from builder.workflow.planning import Planned, plan_image, template_dirs
from builder.workflow.platforms import platform_for
from builder.workflow.records import Record
from builder.workflow.sources import choose

LABEL = "io.imgbuild"


@dataclass(frozen=True, slots=True)
class Options:
    """What the build command's options say. prefix is the repository prefix of names in the engine."""

    kit: str | None = None
    platform: Platform | None = None
    locked: bool = False
    force: bool = False
    pull: bool = False
    smoke: bool = True
    prefix: str = "imgbuild"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image. `unchanged` was found by its plan digest and not rebuilt."""

    status: Literal["built", "unchanged"]
    record: Record
    record_path: Path


def build(project: Project, ref: str, engine: Engine, options: Options, observer: Observer) -> Outcome:
    """Make one image and prove it. Raises the ImgbuildError of the step that failed; nothing is half-made.

    The image gets its name only when it passed (or when nothing was asked to be proven). One that was built and
    did not pass stays under the tag `...:unproven`, for a look inside.
    """
    spec = load_image(project, ref)
    platform = platform_for(spec, options.platform, engine_platform(engine))
    named = engine.find(spec.tag(options.prefix))
    source = choose(project, ref, options.kit, label=named.labels.get(f"{LABEL}.source") if named else None)
    planned = plan_image(project, spec, source, platform, locked=options.locked, observer=observer)
    begun = time.monotonic()
    image = None if options.force else existing(engine, planned.plan)
    status: Literal["built", "unchanged"] = "unchanged" if image else "built"
    image = image or _make(project, planned, engine, options, observer)
    seconds = time.monotonic() - begun
    proof = _proof(project, engine, planned.plan, image, options, observer)
    _name(engine, spec, image, options, proof)
    record = record_of(planned, engine, image, options, proof, seconds)
    path = records.write(project, spec, record, proof.plots if proof else {})
    _stop_unless_passed(spec, record, options)
    return Outcome(status, record, path)


def engine_platform(engine: Engine) -> Platform:
    """The platform the engine builds for without emulation."""
    return "linux/arm64" if engine.info().platform.endswith(("arm64", "aarch64")) else "linux/amd64"


def existing(engine: Engine, plan: Plan) -> ImageInfo | None:
    """The image in the engine that was made from this very plan, if there is one."""
    found = engine.find_by_label({f"{LABEL}.plan": plan.digest, f"{LABEL}.image": plan.spec.ref})
    return found[0] if found else None


def _make(
    project: Project, planned: Planned, engine: Engine, options: Options, observer: Observer
) -> ImageInfo:
    plan = planned.plan
    _bring_in(planned, engine, observer)
    base_before = _base(planned, engine, options, observer)
    temporary = f"{options.prefix}/{plan.spec.name}:building-{plan.digest[:16]}"
    rendered = finished(plan, template_dirs(project))
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
    image = engine.find(image_id)
    if image is None:
        raise BuildError(f"the engine built {image_id} and no longer has it", fix="build again")
    return image


def _bring_in(planned: Planned, engine: Engine, observer: Observer) -> None:
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
    with step(observer, "import", f"import:{group.digest}", f"import {group.title}"):
        labels = {f"{LABEL}.kind": "pkg", f"{LABEL}.group": group.kind}
        engine.import_tar(group.ref, pack(group, paths), labels=labels, platform=platform)


def _base(planned: Planned, engine: Engine, options: Options, observer: Observer) -> ImageInfo:
    """The base image, in the engine: a kit's is imported under the hash of its tar, a registry's is pulled."""
    base = planned.plan.lock.base
    here = engine.find(base.ref)
    if base.tar is not None:
        if here is not None:
            return here
        path = fetch([base.tar], planned.source, Store(default_root()), observer)[base.tar.sha256]
        with (
            step(observer, "import", f"base:{base.tar.sha256}", f"import base {base.key}"),
            path.open("rb") as tar,
        ):
            labels = {f"{LABEL}.kind": "base"}
            return engine.import_tar(base.ref, tar, labels=labels, platform=planned.plan.lock.platform)
    if here is not None and not options.pull:
        return here
    return engine.pull(base.ref, planned.plan.lock.platform, observer)


def _proof(
    project: Project, engine: Engine, plan: Plan, image: ImageInfo, options: Options, observer: Observer
) -> Proof | None:
    """The verdict of this very image: the recorded one where image and tests are the same and it passed."""
    if not options.smoke:
        return None
    before = records.read(project, plan.spec.ref)
    same = before and before.image_id == image.id and before.proof_digest == proof_digest(plan)
    if before and same and before.verdict and before.verdict.passed and not options.force:
        return Proof(before.verdict, {})
    return prove(engine, plan, image.id, observer=observer)


def _name(engine: Engine, spec: ImageSpec, image: ImageInfo, options: Options, proof: Proof | None) -> None:
    """Move the image's names to what passed; what did not pass gets only `:unproven`."""
    unproven = spec.unproven_tag(options.prefix)
    temporary = [tag for tag in image.tags if ":building-" in tag]
    if proof is not None and not proof.verdict.passed:
        engine.tag(image.id, unproven)
    else:
        for tag in (spec.tag(options.prefix), *options.tags):
            engine.tag(image.id, tag)
        if unproven in image.tags:
            temporary.append(unproven)
    for tag in temporary:
        engine.remove(tag)


def record_of(
    planned: Planned, engine: Engine, image: ImageInfo, options: Options, proof: Proof | None, seconds: float
) -> Record:
    """What to keep of a build or a test; seconds is what the build alone took."""
    plan = planned.plan
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
        proof_digest=proof_digest(plan) if proof else "",
        verdict=proof.verdict if proof else None,
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
