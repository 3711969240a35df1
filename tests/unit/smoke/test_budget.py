"""An image that is larger than its definition allows does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.engine.port import ImageInfo
from builder.progress import silent
from builder.smoke.budget import weighed
from builder.smoke.prove import proof_digest, prove
from tests.support.fake_container import IMAGE, FakeLab, plan_of
from tests.support.lock_samples import image_spec


def info(size: int) -> ImageInfo:
    return ImageInfo(id="sha256:1", tags=(), labels={}, size=size, platform="linux/amd64")


@pytest.mark.parametrize(("size", "outcome"), [(99, "passed"), (100, "passed"), (101, "failed")])
def test_the_budget_is_the_most_an_image_may_have(size: int, outcome: str) -> None:
    (result,) = weighed(image_spec(budget_bytes=100), info(size))
    assert result.outcome == outcome
    assert result.numbers == {"size": size, "budget": 100}


def test_both_sizes_are_told() -> None:
    (result,) = weighed(image_spec(budget_bytes=100_000_000), info(221_000_000))
    assert result.reason == "the image has 221 MB, 121 MB more than its budget of 100 MB"


def test_without_a_budget_there_is_nothing_to_judge() -> None:
    assert weighed(image_spec(), info(1 << 40)) == ()


def test_an_image_over_its_budget_is_not_proven(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    tight = plan.model_copy(update={"spec": plan.spec.model_copy(update={"budget_bytes": 0})})
    assert prove(FakeLab(), plan, IMAGE, observer=silent).verdict.passed
    assert not prove(FakeLab(), tight, IMAGE, observer=silent).verdict.passed
    assert proof_digest(plan) != proof_digest(tight)
