"""`imgbuild test`: prove an image that is in the engine, against the lock it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.engine.port import Engine, ImageInfo
from builder.errors import ProofError, UsageError
from builder.progress import Observer
from builder.smoke.prove import prove
from builder.smoke.verdict import Verdict
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.build import LABEL, Options, engine_platform, failed_proof, record_of
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for
from builder.workflow.sources import choose


@dataclass(frozen=True, slots=True)
class Tested:
    """A verdict, where it is kept, and what was asked of it."""

    spec: ImageSpec
    verdict: Verdict
    record_path: Path
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
    engine: Engine,
    *,
    kit: str | None,
    only: Sequence[str],
    require: str | None,
    prefix: str,
    observer: Observer,
) -> Tested:
    """Run the smoke tests in the image that carries this environment's name, and keep the verdict."""
    spec = load_image(project, ref)
    image = _image(spec, engine, prefix)
    source = choose(project, ref, kit, label=image.labels.get(f"{LABEL}.source"))
    platform = platform_for(spec, None, engine_platform(engine))
    planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    _same_plan(spec, planned, image)
    proof = prove(engine, planned.plan, image.id, observer=observer, only=tuple(only) or None)
    record = record_of(planned, engine, image, Options(prefix=prefix), proof, 0.0)
    if only:  # a part is not a proof of the whole: it must not stand in for one at the next build
        record = record.model_copy(update={"proof_digest": ""})
    return Tested(spec, proof.verdict, records.write(project, spec, record, proof.plots), require)


def _image(spec: ImageSpec, engine: Engine, prefix: str) -> ImageInfo:
    image = engine.find(spec.tag(prefix)) or engine.find(spec.unproven_tag(prefix))
    if image is None:
        raise UsageError(
            f"there is no image {spec.tag(prefix)} in the engine", fix=f"run `imgbuild build {spec.ref}`"
        )
    return image


def _same_plan(spec: ImageSpec, planned: Planned, image: ImageInfo) -> None:
    made_from = image.labels.get(f"{LABEL}.plan", "")
    if made_from != planned.plan.digest:
        raise UsageError(
            f"the image {image.id[:19]} was made from another plan than {spec.ref} has now",
            fix=f"run `imgbuild build {spec.ref}`, which proves it too",
        )
