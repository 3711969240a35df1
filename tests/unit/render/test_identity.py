from __future__ import annotations

from pathlib import Path

import pytest

from builder.lock.model import LockSet
from builder.render.identity import finished, make_plan
from builder.shipped import shipped_dir
from builder.spec.model import ImageSpec, SmokeTest
from tests.support.dockerfile import instructions, pairs
from tests.support.lock_samples import environment_lock, image_spec, lock_set

TEMPLATES = shipped_dir("dockerfiles")
SPEC = image_spec()


def digest(spec: ImageSpec = SPEC, lock: LockSet | None = None) -> str:
    return make_plan(spec, lock or lock_set(spec), TEMPLATES).digest


def test_equal_inputs_are_one_image() -> None:
    assert digest() == digest(image_spec(), lock_set(image_spec()))


@pytest.mark.parametrize(
    "change",
    [{"env": {"A": "1"}}, {"cmd": ("x",)}, {"workdir": "/x"}, {"labels": {"a": "b"}}, {"summary": "x"}],
)
def test_what_reaches_the_page_is_another_image(change: dict[str, object]) -> None:
    assert digest(SPEC.model_copy(update=change)) != digest()


def test_what_does_not_reach_the_image_is_not() -> None:
    assert (
        digest(SPEC.model_copy(update={"smoke": (SmokeTest(name="regression"),), "budget_bytes": 5}))
        == digest()
    )


def test_other_bytes_are_another_image() -> None:
    environment = environment_lock(SPEC.environments[0], SPEC)
    first = environment.conda[0].model_copy(update={"sha256": "0" * 64})
    changed = environment.model_copy(update={"conda": (first, *environment.conda[1:])})
    assert digest(lock=lock_set(SPEC, environments=(changed,))) != digest()


def test_other_templates_are_another_image(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs" / "imgbuild-entrypoint").write_text("#!/bin/sh\nexec $@\n")
    plan = make_plan(SPEC, lock_set(SPEC), [tmp_path, TEMPLATES])
    assert plan.digest != digest()


def test_the_finished_page_carries_its_identity() -> None:
    plan = make_plan(SPEC, lock_set(SPEC), TEMPLATES)
    labels = pairs(dict(instructions(finished(plan, TEMPLATES).dockerfile))["LABEL"], {})
    assert labels["io.imgbuild.plan"] == plan.digest
    assert labels["io.imgbuild.lock"] == plan.lock.digest
    assert labels["io.imgbuild.image"] == "regression"
    assert labels["io.imgbuild.source"] == "upstream"
    assert labels["io.imgbuild.stand-in"] == "false"
    assert "io.imgbuild.version" in labels
