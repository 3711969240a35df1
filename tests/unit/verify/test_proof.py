"""Why a verdict does not speak for an image: each reason by its name."""

from __future__ import annotations

import pytest

from builder.smoke.verdict import TestResult, Verdict
from builder.verify.proof import judge_verdict


def result(name: str = "python", tier: int = 1, outcome: str = "passed") -> TestResult:
    return TestResult.model_validate(
        {
            "name": name,
            "environment": "one",
            "tier": tier,
            "outcome": outcome,
            "seconds": 1.0,
            "reason": "why",
        }
    )


def verdict(**fields: object) -> Verdict:
    usual = Verdict(
        image="one", image_id="sha256:1", plan_digest="plan", source="upstream", stand_in=False, engine="docker",
        started="now", seconds=1.0, results=(result(), result("audit", 0)), not_proven={"gpu": "none asked for"},
    )  # fmt: skip
    return usual.model_copy(update=fields)


def judged(found: Verdict | None, digest: str | None = None) -> list[str]:
    drifts = judge_verdict(
        found,
        ids=("sha256:1", "sha256:manifest"),
        ref="one",
        plan_digest="plan",
        proof_digest=digest,
        proofs=("ran",),
    )
    return [one.name for one in drifts]


def test_a_whole_one_about_this_image_speaks_for_it() -> None:
    assert judged(verdict()) == judged(verdict(), "ran") == judged(verdict(image_id="sha256:manifest")) == []


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"image_id": "sha256:2"}, ["image of the verdict"]),
        ({"image": "two"}, ["name in the verdict"]),
        ({"plan_digest": "other"}, ["plan of the verdict"]),
        ({"results": (result(), result("audit", 0, "failed"))}, ["audit"]),
        ({"results": (result(outcome="failed"), result("audit", 0))}, ["python in one", "smoke tests"]),
        ({"results": (result("audit", 0),)}, ["smoke tests"]),
        ({"results": (result(),)}, ["audit"]),
        ({"not_proven": {"audit": "it was left out"}}, ["audit"]),
        ({"not_proven": {"cpu": "only python was asked for"}}, ["smoke tests"]),
    ],
)
def test_each_reason_by_name(fields: dict[str, object], names: list[str]) -> None:
    assert judged(verdict(**fields)) == names


def test_none_at_all_and_tests_of_another_definition() -> None:
    assert judged(None) == ["verdict"]
    assert judged(verdict(), "another") == judged(verdict(), "") == ["tests of the verdict"]
