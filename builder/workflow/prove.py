"""`imgbuild test`: prove an image that is in the engine, against the lock it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.engine.port import DoorEngine, Engine, ImageInfo
from builder.errors import ProofError, UsageError
from builder.progress import Observer
from builder.smoke.doors import find_doors
from builder.smoke.doors_run import try_doors
from builder.smoke.gpus import AUTO
from builder.smoke.prove import Proof, prove
from builder.smoke.verdict import TestResult, Verdict
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.auditing import with_audit
from builder.workflow.build import Options, engine_platform, failed_proof, gpus_for, record_of
from builder.workflow.listing import with_sbom
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for
from builder.workflow.sources import choose
from builder.workflow.supply import LABEL
from builder.workflow.sweep import sweep


@dataclass(frozen=True, slots=True)
class Tested:
    """A verdict, where it is kept, and what was asked of it."""

    spec: ImageSpec
    verdict: Verdict
    record_path: Path | None  # None where it could not be kept
    require: str | None

    def stop_unless_passed(self) -> None:
        """Raise ProofError when a test failed, or a tier that was asked for was not run."""
        if not self.verdict.passed:
            raise failed_proof(
                self.spec, self.verdict, f"docker run --rm -it {self.verdict.image_id[7:19]} bash"
            )
        if self.require and self.require in self.verdict.not_proven:
            raise ProofError(
                f"{self.spec.ref} is not proven on a {self.require}: {self.verdict.not_proven[self.require]}",
                fix="run it where there is one, or leave out --require",
            )


def prove_again(
    project: Project,
    ref: str,
    engine: DoorEngine,
    *,
    kit: str | None,
    only: Sequence[str],
    doors: Sequence[str] = (),
    gpus: str = AUTO,
    require: str | None,
    prefix: str,
    observer: Observer,
) -> Tested:
    """Run the smoke tests in the image that carries this environment's name, and keep the verdict.

    doors: names of the ways in to be tried as well, or `all`; each adds its results to the verdict. gpus: for the tests
    that have use for one, as `read_gpus` checks it.
    """
    wanted = find_doors(doors)
    spec = load_image(project, ref)
    image = _image(spec, engine, prefix)
    sweep(engine, observer)
    source = choose(project, ref, kit, label=image.labels.get(f"{LABEL}.source"))
    platform = platform_for(spec, None, engine_platform(engine))
    planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    same_plan(spec, planned, image)
    given = gpus_for(engine, planned.plan, image.id, gpus)
    proof = prove(engine, planned.plan, image.id, observer=observer, only=tuple(only) or None, gpus=given)
    if not only:
        proof = with_audit(proof, planned.plan, engine, image, observer)
        proof = with_sbom(proof, planned.plan, engine, image, observer)
    if wanted:
        proof = _with_doors(proof, try_doors(engine, planned.plan, image, wanted, observer))
    record = record_of(project, planned, engine, image, Options(prefix=prefix), proof, 0.0)
    if only:  # a part is not a proof of the whole: it must not stand in for one at the next build
        record = record.model_copy(update={"proof_digest": ""})
    kept = records.keep(project, spec, record, proof.plots, observer)
    return Tested(spec, proof.verdict, kept.path, require)


def _with_doors(proof: Proof, results: Sequence[TestResult]) -> Proof:
    verdict = proof.verdict
    seconds = round(verdict.seconds + sum(result.seconds for result in results), 3)
    everything = (*verdict.results, *results)
    return Proof(verdict.model_copy(update={"results": everything, "seconds": seconds}), proof.plots)


def _image(spec: ImageSpec, engine: Engine, prefix: str) -> ImageInfo:
    image = engine.find(spec.tag(prefix)) or engine.find(spec.unproven_tag(prefix))
    if image is None:
        raise UsageError(
            f"there is no image {spec.tag(prefix)} in the engine", fix=f"run `imgbuild build {spec.ref}`"
        )
    return image


def same_plan(spec: ImageSpec, planned: Planned, image: ImageInfo) -> None:
    """Raise UsageError for an image that another plan made than its definition has now."""
    made_from = image.labels.get(f"{LABEL}.plan", "")
    if made_from != planned.plan.digest:
        raise UsageError(
            f"the image {image.id[:19]} was made from another plan than {spec.ref} has now",
            fix=f"run `imgbuild build {spec.ref}`, which proves it too",
        )
