"""Which recorded proof spares a new one."""

from __future__ import annotations

from pathlib import Path

from builder.engine.port import GpuRequest
from builder.progress import silent
from builder.smoke.gpus import NO_GPUS, Gpus
from builder.smoke.prove import Proof, prove
from builder.spec.model import LicencePolicy, SmokeTest
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.build import recorded
from builder.workflow.listing import held_to
from builder.workflow.records import Record
from tests.support.fake_container import IMAGE, Ended, FakeLab, environment_lock, plan_of

GPUS = Gpus(GpuRequest())
TORCH = environment_lock(versions={"python": "3.11.2", "torch": "2.14.1"})
OWN = SmokeTest(name="cuda")


def kept(root: Path, *, gpus: Gpus, image: str = IMAGE, passed: bool = True) -> tuple[Project, Proof]:
    """A project whose record holds the proof of an image; passed: its outcome, whatever the judges said."""
    plan = plan_of(root, OWN, locks=(TORCH,), cuda="13.0")
    proof = prove(FakeLab(lambda _spec, _files: Ended()), plan, IMAGE, observer=silent, gpus=gpus)
    outcome = "passed" if passed else "failed"
    results = tuple(one.model_copy(update={"outcome": outcome}) for one in proof.verdict.results)
    verdict = proof.verdict.model_copy(update={"results": results})
    project = Project(root, root / "envs")
    record = Record(
        image="regression",
        tag="x",
        image_id=image,
        size=1,
        plan_digest="d",
        lock_digest="l",
        source="upstream",
        engine="20",
        finished="now",
        build_seconds=0,
        proof_digest=proof.digest,
        verdict=verdict,
    )
    records.write(project, plan.spec, record, {})
    return project, proof


def spared(project: Project, gpus: Gpus, **more: object) -> bool:
    plan = plan_of(project.root, OWN, locks=(TORCH,), cuda="13.0", **more)
    return recorded(project, plan, IMAGE, gpus) is not None


def test_the_same_is_not_proven_twice(tmp_path: Path) -> None:
    project, proof = kept(tmp_path, gpus=NO_GPUS)
    assert spared(project, NO_GPUS)
    assert (
        recorded(project, plan_of(tmp_path, OWN, locks=(TORCH,), cuda="13.0"), IMAGE, NO_GPUS).digest
        == proof.digest
    )  # type: ignore[union-attr]


def test_a_gpu_is_worth_a_proof_and_its_proof_holds_without(tmp_path: Path) -> None:
    assert not spared(kept(tmp_path / "cpu", gpus=NO_GPUS)[0], GPUS)
    with_gpu, _ = kept(tmp_path / "gpu", gpus=GPUS)
    assert spared(with_gpu, GPUS)
    assert spared(with_gpu, NO_GPUS)


def test_another_image_another_line_and_a_failure_are_proven_anew(tmp_path: Path) -> None:
    assert not spared(kept(tmp_path / "other", gpus=NO_GPUS, image="sha256:" + "b" * 64)[0], NO_GPUS)
    assert not spared(kept(tmp_path / "failed", gpus=NO_GPUS, passed=False)[0], NO_GPUS)
    project, _ = kept(tmp_path / "driver", gpus=NO_GPUS)
    assert not spared(project, NO_GPUS, targets={"gpus": ("t4",)})


def test_licences_that_were_asked_for_since_count(tmp_path: Path) -> None:
    project, proof = kept(tmp_path, gpus=NO_GPUS)
    policy = LicencePolicy(deny=("GPL-3.0-only",))
    assert not spared(project, NO_GPUS, licences=policy)
    spec = plan_of(tmp_path, OWN, locks=(TORCH,), cuda="13.0", licences=policy).spec
    assert held_to(proof.digest, spec) != proof.digest
    assert held_to(proof.digest, spec.model_copy(update={"licences": LicencePolicy()})) == proof.digest
