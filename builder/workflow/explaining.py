"""`imgbuild explain`: what a build would do now, and which input makes it do so."""

from __future__ import annotations

from builder.engine.port import Engine, ImageInfo
from builder.errors import EngineError, LockError
from builder.lock.files import read_lock
from builder.progress import Note, Observer
from builder.render.snapshot import Explained, Snapshot, compared
from builder.smoke.prove import proof_digest
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.build import existing
from builder.workflow.changed import stale_lines
from builder.workflow.planning import Planned, plan_image
from builder.workflow.platforms import platform_for
from builder.workflow.snapshots import read_snapshot, snapshot_of
from builder.workflow.sources import NOTHING, Asked, choose
from builder.workflow.supply import LABEL


def explain(
    project: Project, ref: str, *, kit: str | None, prefix: str, asked: Asked = NOTHING, observer: Observer
) -> Explained:
    """Compare the plan of now with that of the image which carries the name. Writes nothing.

    Raises UsageError and DefinitionError for what cannot be planned; a lock that stops a build is a result.
    """
    spec = load_image(project, ref)
    engine = _engine(observer)
    image = engine.find(spec.tag(prefix)) if engine is not None else None
    label = image.labels.get(f"{LABEL}.source") if image is not None else None
    source = choose(project, ref, kit, label=label, asked=asked)
    platform = platform_for(spec, None)
    there = image.labels.get(f"{LABEL}.plan", "") if image is not None else ""
    try:
        planned = plan_image(project, spec, source, platform, locked=True, observer=observer)
    except LockError as error:
        lock = read_lock(spec, platform, source.lock_folder(spec), missing_ok=True)
        lines = tuple(str(line) for line in stale_lines(project, spec, lock, source)) if lock else ()
        return Explained(image=ref, status="stopped", there=there, reasons=(error.what,), lines=lines)
    now = snapshot_of(project, planned)
    kept = read_snapshot(project, ref)
    found = Explained(image=ref, status="unknown", there=there, now=now.digest)
    if engine is None:
        return _beside_record(found, kept, now)
    return _beside_image(project, planned, engine, image, found, kept, now)


def _engine(observer: Observer) -> Engine | None:
    from builder.engine.connect import connect

    try:
        return connect()
    except EngineError as error:
        observer(Note(f"no engine answers ({error.what})"))
        return None


def _beside_record(found: Explained, kept: Snapshot | None, now: Snapshot) -> Explained:
    """Without an engine: the last build that was recorded here."""
    if kept is None:
        return found.model_copy(update={"reasons": ("no engine answers, and no build is recorded here",)})
    same = kept.digest == now.digest
    changes = None if same else compared(kept, now)
    why = (
        "the plan is that of the last build recorded here"
        if same
        else "the plan is another since the last build"
    )
    return found.model_copy(update={"there": kept.digest, "reasons": (why,), "changes": changes})


def _beside_image(
    project: Project,
    planned: Planned,
    engine: Engine,
    image: ImageInfo | None,
    found: Explained,
    kept: Snapshot | None,
    now: Snapshot,
) -> Explained:
    same = existing(engine, planned.plan)
    if same is not None:
        named = image is not None and image.id == same.id
        why = "the image of this plan is there" + ("" if named else ", and would get its name again")
        proof = _proof(project, planned, same)
        return found.model_copy(
            update={"status": "same", "there": now.digest, "reasons": (why,), "proof": proof}
        )
    proof = "a new image is proven always"
    if image is None:
        why = f"the engine has no image {planned.plan.spec.ref}"
        return found.model_copy(update={"status": "new", "reasons": (why,), "proof": proof})
    if kept is not None and kept.digest == found.there:
        changes = compared(kept, now)
        return found.model_copy(update={"status": "rebuilt", "changes": changes, "proof": proof})
    reasons = tuple(_by_labels(planned.plan.spec, image, now))
    return found.model_copy(update={"status": "rebuilt", "reasons": reasons, "proof": proof})


def _by_labels(spec: ImageSpec, image: ImageInfo, now: Snapshot) -> list[str]:
    """What can be said of an image whose plan was not kept here."""
    labels = image.labels
    said = [f"no plan is kept here for the image {image.id[:19]}, so only its labels are compared"]
    if not labels.get(f"{LABEL}.plan"):
        return [*said, "imgbuild has not made it"]
    pairs = (
        ("lock", now.lock.digest, "its packages, base or installer are another lock's"),
        ("source", now.lock.source.label, "it was made from another source"),
        ("version", now.version, f"imgbuild is {now.version} now"),
        ("image", spec.ref, "it was made as another image"),
    )
    found = [why for name, value, why in pairs if labels.get(f"{LABEL}.{name}") != value]
    return [*said, *(found or ["the lock is the same: definition, files or templates are others"])]


def _proof(project: Project, planned: Planned, image: ImageInfo) -> str:
    """Why the tests of an image that is there would run again; empty where its verdict holds."""
    record = records.read(project, planned.plan.spec.ref)
    if record is None or record.verdict is None:
        return "no verdict is recorded here"
    if record.image_id != image.id:
        return "the recorded verdict is another image's"
    if not record.verdict.passed:
        return "its last proof did not pass"
    if record.proof_digest not in {proof_digest(planned.plan), proof_digest(planned.plan, with_gpu=True)}:
        return "the tests, what they are held against, or imgbuild changed since"
    return ""
