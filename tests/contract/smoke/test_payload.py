"""The regression payload and its judge are made for each other: shown inside a real image, and where it must fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.engine.port import ContainerSpec, Engine, RunResult
from builder.lock.model import EnvironmentLock
from builder.progress import silent
from builder.smoke.builtin import BUILTINS
from builder.smoke.evidence import Evidence, read_evidence
from builder.smoke.judge_regression import judge_regression
from builder.smoke.sandbox import ALWAYS, CACHES, DEFAULT_LIMITS, OUT, VOLUME
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.kit import Kit
from builder.workflow.locking import current_lock
from tests.support.fake_container import SETTING
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
PAYLOAD = BUILTINS["regression"].script.read_bytes()


@pytest.fixture(scope="module")
def locked(workshop: Workshop, engine: object) -> EnvironmentLock:
    """What the image was made from. The image is there already when the whole suite runs."""
    done = workshop.run("build", "regression", "--no-smoke", "--kit", str(workshop.kit))
    assert done.code == 0, done.err
    spec = load_image(find_project(workshop.root), "regression")
    lock = current_lock(spec, "linux/amd64", Kit.open(Path(workshop.kit)), locked=True, observer=silent)
    return lock.environments[0]


def measured(engine: Engine, script: bytes, *argv: str) -> tuple[RunResult, Evidence]:
    """What a script leaves in the image, in the sandbox of the smoke tests."""
    spec = ContainerSpec(
        image=f"{PREFIX}/regression:latest",
        argv=(*argv, f"{VOLUME}/payload.py"),
        env={**CACHES, **ALWAYS},
        uid=54321,
        limits=DEFAULT_LIMITS,
        volume=VOLUME,
        workdir="/tmp",
    )
    with engine.container(spec) as container:
        container.copy_in({"payload.py": script}, writable=(OUT,))
        run = container.run()
        return run, read_evidence(container.copy_out(OUT), required=True)


@pytest.fixture(scope="module")
def evidence(engine: Engine, locked: EnvironmentLock) -> Evidence:
    """What the payload as it is leaves."""
    run, found = measured(engine, PAYLOAD, "python")
    assert (run.code, run.output) == (0, "")
    return found


def test_the_judge_reads_all_that_the_payload_measures(evidence: Evidence, locked: EnvironmentLock) -> None:
    assert judge_regression(evidence, locked, SETTING) == []
    for name in evidence.numbers:  # each of them counts: without it there is a fault, and that one only
        rest = {key: value for key, value in evidence.numbers.items() if key != name}
        faults = judge_regression(Evidence(rest, evidence.plots), locked, SETTING)
        assert [fault.partition(":")[0] for fault in faults] == [name]
    assert [
        fault.partition(":")[0] for fault in judge_regression(Evidence(evidence.numbers), locked, SETTING)
    ] == ["regression.png"]


def test_a_model_that_learned_nothing_does_not_pass(engine: Engine, locked: EnvironmentLock) -> None:
    dull = PAYLOAD.replace(b"LinearRegression()", b"DummyRegressor()").replace(b"model.coef_[0]", b"0")
    dull = dull.replace(b"model.intercept_", b"model.constant_.item()")
    run, evidence = measured(engine, dull, "python")
    assert run.code == 0, run.output
    names = [fault.partition(":")[0] for fault in judge_regression(evidence, locked, SETTING)]
    assert names == ["coefficient", "intercept", "prediction_at_3", "mse"]
    assert evidence.numbers["mse"] == evidence.numbers["baseline_mse"] == 5.0


def test_another_python_of_the_image_does_not_pass(engine: Engine, locked: EnvironmentLock) -> None:
    run, evidence = measured(engine, PAYLOAD, "/opt/conda/bin/python")
    assert run.code != 0
    assert "No module named" in run.output
    assert evidence.fault == "left no regular file result.json"


def test_another_lock_is_not_proven_by_it(evidence: Evidence, locked: EnvironmentLock) -> None:
    newer = [
        package.model_copy(update={"version": "999.0"}) if package.name == "numpy" else package
        for package in locked.conda
    ]
    (fault,) = judge_regression(evidence, locked.model_copy(update={"conda": tuple(newer)}), SETTING)
    assert fault.startswith("numpy: expected version 999.0, got ")
