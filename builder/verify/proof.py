"""The recorded verdict, against the image and the plan that it must be about."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from builder.smoke.verdict import Verdict
from builder.verify.model import Drift

_AUDIT = "audit"


def judge_verdict(
    verdict: Verdict | None,
    *,
    ids: Collection[str],
    ref: str,
    plan_digest: str,
    proof_digest: str | None = None,
    proofs: Collection[str] = (),
    place: str = "",
) -> Iterator[Drift]:
    """Why a verdict does not speak for an image, each reason by name.

    ids: all the digests that name the image; proof_digest: of what was run, None where it is not recorded; proofs:
    those of the definition's tests. place: where the verdict lies, for messages.
    """
    if verdict is None:
        yield _drift(
            "missing", "verdict", found="", why=f"nothing was proven{f' ({place})' if place else ''}"
        )
        return
    if verdict.image_id not in ids:
        expected = next(iter(ids), "")
        yield _drift(
            "changed",
            "image of the verdict",
            expected,
            verdict.image_id,
            "it is the verdict of another image",
        )
    if verdict.image != ref:
        yield _drift("changed", "name in the verdict", ref, verdict.image)
    if verdict.plan_digest != plan_digest:
        yield _drift(
            "changed", "plan of the verdict", plan_digest, verdict.plan_digest, "it is about another plan"
        )
    yield from _of_results(verdict)
    if proof_digest is not None and proof_digest not in proofs:
        why = "only a part was run, or the tests, targets or allowances were changed since"
        yield _drift("changed", "tests of the verdict", next(iter(proofs), ""), proof_digest or "a part", why)


def _of_results(verdict: Verdict) -> Iterator[Drift]:
    """What ran and did not pass, and what should have run and did not."""
    for result in verdict.results:
        if result.outcome not in {"passed", "not-run"}:
            what = "audit" if result.name == _AUDIT else f"{result.name} in {result.environment}"
            yield _drift("changed", what, "passed", result.outcome, result.reason)
    if not any(result.tier == 1 and result.outcome == "passed" for result in verdict.results):
        yield _drift("missing", "smoke tests", "passed", "none", "no test ran on a CPU")
    elif verdict.passed and not verdict.whole:
        yield _drift("missing", "smoke tests", "all", "a part", verdict.not_proven["cpu"])
    if _AUDIT in verdict.not_proven or not any(result.name == _AUDIT for result in verdict.results):
        yield _drift("missing", _AUDIT, "passed", "none", verdict.not_proven.get(_AUDIT, "it was not run"))


def _drift(how: str, name: str, expected: str = "", found: str = "", why: str = "") -> Drift:
    return Drift.model_validate(
        {"about": "verdict", "how": how, "name": name, "expected": expected, "found": found, "why": why}
    )
