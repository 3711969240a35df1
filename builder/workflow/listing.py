"""What an image is made of, as a part of its proof and for whoever publishes it."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from typing import Any

from builder.engine.port import Engine, ImageInfo
from builder.errors import ProofError, UsageError
from builder.lock.model import LockSet
from builder.plan import Plan
from builder.progress import Note, Observer
from builder.sbom.bom import make_bom
from builder.sbom.documents import FILES, documents
from builder.sbom.model import Bom
from builder.sbom.policy import Licences, judge
from builder.sbom.read import read_packages
from builder.smoke.prove import Proof, proof_digest
from builder.smoke.verdict import TestResult
from builder.spec.findings import tell
from builder.spec.model import ImageSpec
from builder.values import digest_of
from builder.workflow.supply import LABEL

NAME = "licences"


def name_of(image: ImageInfo, asked: str) -> str:
    """What it is called in its list: the same, however it was asked for."""
    return image.labels.get(f"{LABEL}.image") or asked


def source_date() -> str:
    """SOURCE_DATE_EPOCH as a time, empty where it is not set. Raises UsageError for what is no number of seconds."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        return datetime.fromtimestamp(int(said), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if said else ""
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{said!r} is no time", where="SOURCE_DATE_EPOCH", fix="give seconds since 1970, or unset it"
        ) from error


def bom_of(engine: Engine, image: ImageInfo, lock: LockSet, observer: Observer) -> Bom:
    """Of an image whose lock is known. Raises ProofError, BuildError or EngineError where it cannot be read."""
    packages = read_packages(engine, image, observer)
    return make_bom(name_of(image, image.id), image, packages, lock, source_date())


def with_sbom(proof: Proof, plan: Plan, engine: Engine, image: ImageInfo, observer: Observer) -> Proof:
    """A proof with both documents as files beside the plots; and where image.yml has `licences:`, its result.

    An image whose packages cannot be read has not passed where licences are asked for; else that is told.
    """
    began = time.monotonic()
    asked = plan.spec.licences.says_something
    evidence = dict(proof.plots)
    try:
        bom = bom_of(engine, image, plan.lock, observer)
        evidence |= {FILES[media]: made for media, made in documents(bom).items()}
        judged = judge(bom, plan.spec.licences, plan.spec.allow)
        if asked:
            tell(plan.spec.ref, judged.allowed, judged.unneeded, observer)
        result = _result(plan, time.monotonic() - began, bom, judged)
    except ProofError as error:
        if not asked:
            observer(Note(f"{plan.spec.ref}: no list of its packages is kept: {error}"))
        result = _failed(plan, time.monotonic() - began, str(error), error.detail)
    if not asked:
        return Proof(proof.verdict, evidence, proof.digest)
    verdict = proof.verdict
    changed: dict[str, Any] = {
        "results": (*verdict.results, result),
        "seconds": round(verdict.seconds + result.seconds, 3),
    }
    return Proof(verdict.model_copy(update=changed), evidence, held_to(proof.digest, plan.spec))


def proof_of(plan: Plan, *, with_gpu: bool) -> str:
    """The digest that a record of a whole proof of this plan has now."""
    return held_to(proof_digest(plan, with_gpu=with_gpu), plan.spec)


def held_to(digest: str, spec: ImageSpec) -> str:
    """A proof's digest that changes with `licences:`; the same as before where the image has none, or for no proof."""
    if not digest or not spec.licences.says_something:
        return digest
    return digest_of([digest, spec.licences.model_dump(mode="json")])


def _result(plan: Plan, seconds: float, bom: Bom, judged: Licences) -> TestResult:
    return TestResult(
        name=NAME,
        environment=plan.lock.environments[0].name,
        tier=0,
        outcome="passed" if judged.passed else "failed",
        seconds=round(seconds, 3),
        reason="; ".join(finding.what for finding in judged.findings),
        numbers={
            "packages": float(len(bom.components)),
            "refused": float(len(judged.findings)),
            "unknown": float(len(judged.unknown)),
        },
        output="\n".join(f"{finding.cause}; {finding.fix}" for finding in judged.findings),
    )


def _failed(plan: Plan, seconds: float, reason: str, output: str) -> TestResult:
    name = plan.lock.environments[0].name
    return TestResult(
        name=NAME,
        environment=name,
        tier=0,
        outcome="failed",
        seconds=round(seconds, 3),
        reason=reason,
        output=output,
    )
