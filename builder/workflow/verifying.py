"""`imgbuild verify`: an image, in the engine or a registry, held against the committed definition and its lock."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.engine.port import Engine
from builder.progress import Observer
from builder.render.identity import finished
from builder.render.model import Rendered
from builder.spec.load import load_image
from builder.spec.project import Project
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.verify.config import Judged, Known, Stacked, judge_config, judge_layers
from builder.verify.files import Found, Look, judge_files
from builder.verify.installed import Installed
from builder.verify.model import Counts, Drift, Unjudged, Verified
from builder.verify.packages import with_packages
from builder.verify.page import above
from builder.verify.proof import judge_verdict
from builder.verify.saved import Image
from builder.verify.tree import stack
from builder.verify.truth import Truth, truth_of
from builder.workflow import records
from builder.workflow.beside import NAME as LIST
from builder.workflow.beside import kept_installed
from builder.workflow.listing import proof_of
from builder.workflow.planning import Planned, plan_image, template_dirs
from builder.workflow.platforms import platform_for
from builder.workflow.records import Record
from builder.workflow.sources import choose
from builder.workflow.subjects import BaseFacts, Subject, base_facts
from builder.workflow.supply import LABEL, step
from builder.workflow.whose import Question, find_subject


@dataclass(frozen=True)
class _Case:
    """All that one verification works on."""

    subject: Subject
    planned: Planned
    rendered: Rendered
    base: BaseFacts | None
    record: Record | None
    stacked: Stacked

    @property
    def recorded(self) -> bool:
        """Whether the record is about this very image: then every byte of it is known."""
        return self.record is not None and self.record.image_id in self.subject.ids


def verify(project: Project, name: str, question: Question, observer: Observer) -> Verified:
    """Hold an image against its definition, and name every drift.

    Raises UsageError for a name that is no image, LockError without a current lock, EngineError or RegistryError where
    the image cannot be asked about, BuildError for archives that cannot be had.
    """
    began = time.monotonic()
    subject, ref, engine = find_subject(project, name, question, observer)
    case = _case(project, subject, ref, question, engine, observer)
    deep = question.deep if question.deep is not None else subject.place == "engine"
    truth, image = _read(case, observer) if deep else (None, None)
    listed = _installed(project, case) if deep else None
    drifts, unjudged, counts = [*_about_layers(case, image)], [*_of_base(case)], Counts()
    judged = _about_config(case, truth)
    if truth is not None and image is not None:
        found = _about_files(case, truth, image, listed, observer)
        drifts += with_packages(found.drifts, truth, stack(image.layers))
        unjudged += found.notes
        counts = Counts(packages=truth.packages, files=found.files, bytes=found.bytes)
    return Verified(
        image=name,
        ref=ref,
        place=subject.place,
        digest=subject.ids[0],
        deep=deep,
        recorded=case.recorded,
        drifts=(*drifts, *judged.drifts, *_about_proof(case)),
        unjudged=(*unjudged, *judged.unjudged, *_unproven(case)),
        counts=counts.model_copy(
            update={"labels": len(subject.config.labels), "variables": len(subject.config.env)}
        ),
        notes=(*judged.notes, *_told(case, listed)),
        seconds=round(time.monotonic() - began, 2),
    )


def _case(
    project: Project,
    subject: Subject,
    ref: str,
    question: Question,
    engine: Engine | None,
    observer: Observer,
) -> _Case:
    spec = load_image(project, ref)
    record = records.read(project, ref)
    # what was recorded here counts more than what the image says of itself
    said = None if record is not None else subject.config.labels.get(f"{LABEL}.source")
    source = choose(project, ref, question.kit, label=said, asked=question.asked)
    platform = platform_for(
        spec, "linux/arm64" if subject.platform.startswith("linux/arm64") else "linux/amd64"
    )
    planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    rendered = finished(planned.plan, template_dirs(project))
    base = base_facts(planned.plan.lock, source, engine, observer)
    mine = record if record is not None and record.plan_digest == planned.plan.digest else None
    stacked = Stacked(
        found=subject.diff_ids,
        base=base.diff_ids if base else None,
        above=above(base.config if base else subject.config, rendered.dockerfile).layers,
        recorded=mine.layers if mine else (),
    )
    return _Case(subject, planned, rendered, base, record, stacked)


def _read(case: _Case, observer: Observer) -> tuple[Truth, Image]:
    lock, subject = case.planned.plan.lock, case.subject
    files = [package for one in lock.environments for package in (*one.conda, *one.pip)]
    paths = fetch(files, case.planned.source, Store(default_root()), observer)
    with step(observer, "verify", f"verify:{subject.ids[0]}", f"read every file of {subject.name}"):
        image = subject.read()
    sound = case.base is not None and subject.diff_ids[: len(case.base.diff_ids)] == case.base.diff_ids
    base = stack(image.layers[: case.stacked.bases]) if sound else None
    with step(observer, "verify", f"archives:{lock.digest}", "read the archives of the lock"):
        return truth_of(case.planned.plan, case.rendered, paths, base), image


def _about_layers(case: _Case, image: Image | None) -> Iterator[Drift]:
    steps = case.subject.made_by or (() if image is None else tuple(_steps(image.config)))
    base = case.planned.plan.lock.base
    yield from judge_layers(case.stacked, base.key, made_by=steps, named=image is not None)
    platform = case.planned.plan.lock.platform
    if not f"{case.subject.platform}/".startswith(f"{platform}/"):
        yield Drift(
            about="image", how="changed", name="platform", expected=platform, found=case.subject.platform
        )


def _steps(config: Mapping[str, Any]) -> Iterator[str]:
    for row in config.get("history") or ():
        if not row.get("empty_layer"):
            yield str(row.get("created_by") or "")


def _of_base(case: _Case) -> Iterator[Unjudged]:
    if case.base is None:
        yield Unjudged(what="base", why="its layers could not be asked for", count=1)


def _about_config(case: _Case, truth: Truth | None) -> Judged:
    record = case.record
    same = record is not None and record.plan_digest == case.planned.plan.digest
    known = Known(
        env=record.env if record is not None and same and record.env else None,
        version=record.version if record is not None and same else "",
        hooks=_has_hooks(truth) if truth is not None else None,
    )
    if case.base is None:
        return Judged(
            unjudged=[Unjudged(what="configuration", why="the base could not be asked about", count=1)]
        )
    return judge_config(above(case.base.config, case.rendered.dockerfile), case.subject.config, known)


def _has_hooks(truth: Truth) -> bool:
    folder = f"{truth.held[0].place.prefix}/etc/conda/activate.d/"
    return any(path.startswith(folder) and path.endswith(".sh") for path in truth.held[0].files)


def _installed(project: Project, case: _Case) -> Installed | None:
    """The list of files: of this very image, as a push from here has kept it or as it lies in the registry; else of the
    image that its plan made."""
    plan, record = case.planned.plan, case.record
    kept = records.folder(project, plan.spec.ref) / LIST
    own = kept_installed(kept, record.image_id, plan.digest) if record is not None else None
    if own is not None and own.image_id in case.subject.ids:
        return own
    return case.subject.installed(plan.digest) or own


def _told(case: _Case, listed: Installed | None) -> Iterator[str]:
    if listed is not None:
        of = (
            ""
            if listed.image_id in case.subject.ids
            else f" of {listed.image_id[:19]}, which has the same plan,"
        )
        count = len(listed.entries)
        yield f"what no archive says was held against the list{of} that was made when it was pushed: {count:,} paths"


def _about_files(
    case: _Case, truth: Truth, image: Image, listed: Installed | None, observer: Observer
) -> Found:
    stacked = case.stacked
    sound = case.base is not None and stacked.found[: len(case.base.diff_ids)] == case.base.diff_ids
    look = Look(
        tree=stack(image.layers),
        known=stack(image.layers[: stacked.known]),
        truth=truth,
        surplus=stacked.surplus,
        foreign=0 if sound else stacked.bases,
        installed=listed,
    )
    with step(observer, "verify", f"judge:{case.subject.ids[0]}", "hold every file against the archives"):
        return judge_files(case.planned.plan, look)


def _unproven(case: _Case) -> Iterator[Unjudged]:
    """An engine keeps no verdicts, so one that was proven elsewhere has none here."""
    if case.record is None and case.subject.place == "engine":
        why = "no record of a build or a test lies here; in a registry it lies beside the image"
        yield Unjudged(what="verdict", why=why, count=1)


def _about_proof(case: _Case) -> Iterator[Drift]:
    """The verdict that lies beside the image, else that of the record on this machine."""
    if any(_unproven(case)):
        return
    plan, record, beside = case.planned.plan, case.record, case.subject.beside
    verdict, digest = beside, None
    if beside is None and record is not None:
        verdict, digest = record.verdict, record.proof_digest
    yield from judge_verdict(
        verdict,
        ids=case.subject.ids,
        ref=plan.spec.ref,
        plan_digest=plan.digest,
        proof_digest=digest,
        proofs=(proof_of(plan, with_gpu=False), proof_of(plan, with_gpu=True)),
        place="none lies beside it" if record is None else "",
    )
