"""Tier 0 of a verdict: what an image's compiled files need, read where it is, and judged."""

from __future__ import annotations

import time

from builder.audit.archives import read_archives
from builder.audit.facts import Reading
from builder.audit.inside import read_image
from builder.audit.judge.whole import judge
from builder.audit.layers import read_layers
from builder.audit.model import Audit, Wanted
from builder.audit.wanted import wanted_by
from builder.engine.port import Engine, ImageInfo
from builder.errors import ProofError
from builder.plan import Plan
from builder.progress import Note, Observer
from builder.smoke.prove import Proof
from builder.smoke.verdict import TestResult
from builder.spec.findings import tell
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.workflow.planning import Planned

NAME = "audit"
EVIDENCE = "audit.json"


def audit_image(
    engine: Engine, image: ImageInfo, wanted: Wanted, observer: Observer, *, reading: Reading = "image"
) -> Audit:
    """Read an image of the engine, from inside where it has a Python, and judge it.

    Raises ProofError where it cannot be read, EngineError when the engine goes away.
    """
    inventory = read_image(engine, image, observer) if reading == "image" else None
    if inventory is None:
        if reading == "image":
            observer(Note("no Python runs in the image, so its layers are read"))
        inventory = read_layers(engine, image, observer)
    return judge(inventory, wanted.model_copy(update={"variables": {**wanted.variables, **image.env}}))


def audit_lock(planned: Planned, wanted: Wanted, observer: Observer) -> Audit:
    """Read the archives of a lock, fetched into the store where they are not there yet, and judge them.

    Raises BuildError for what cannot be fetched or read.
    """
    lock = planned.plan.lock
    files = [package for one in lock.environments for package in (*one.conda, *one.pip)]
    paths = fetch(files, planned.source, Store(default_root()), observer)
    return judge(read_archives(lock, paths, observer), wanted)


def with_audit(proof: Proof, plan: Plan, engine: Engine, image: ImageInfo, observer: Observer) -> Proof:
    """A proof with the audit's result before all others, and all that it found as a file beside the plots.

    An image that cannot be read has not passed.
    """
    began = time.monotonic()
    evidence = dict(proof.plots)
    try:
        audit = audit_image(engine, image, wanted_by(plan.spec, plan.lock, image.labels), observer)
        result = _result(plan, audit, time.monotonic() - began)
        evidence[EVIDENCE] = audit.model_dump_json(indent=2).encode() + b"\n"
        tell(plan.spec.ref, audit.allowed, audit.unneeded, observer)
    except ProofError as error:
        result = _failed(plan, error, time.monotonic() - began)
    verdict = proof.verdict
    missing = {tier: why for tier, why in verdict.not_proven.items() if tier != NAME}
    changed = {
        "results": (result, *verdict.results),
        "seconds": round(verdict.seconds + result.seconds, 3),
        "not_proven": missing,
    }
    return Proof(verdict.model_copy(update=changed), evidence, proof.digest)


def _result(plan: Plan, audit: Audit, seconds: float) -> TestResult:
    faults = [finding for finding in audit.findings if finding.weight == "fault"]
    warnings = [finding for finding in audit.findings if finding.weight == "warning"]
    return TestResult(
        name=NAME,
        environment=plan.lock.environments[0].name,
        tier=0,
        outcome="failed" if faults else "passed",
        seconds=round(seconds, 3),
        reason="; ".join(finding.what for finding in faults),
        numbers={
            "files": float(audit.files),
            "extensions": float(len(audit.rows)),
            "faults": float(len(faults)),
            "warnings": float(len(warnings)),
            "gpus": " ".join(audit.gpus),
            "torch": audit.torch,
            "cuda": audit.cuda or "",
        },
        output="\n".join(f"{finding.cause}; {finding.fix}" for finding in faults),
    )


def _failed(plan: Plan, error: ProofError, seconds: float) -> TestResult:
    return TestResult(
        name=NAME,
        environment=plan.lock.environments[0].name,
        tier=0,
        outcome="failed",
        seconds=round(seconds, 3),
        reason=str(error),
        output=error.detail,
    )
