"""What `push` lays beside an image in the registry: its lock, its verdict, the lists of its packages."""

from __future__ import annotations

from builder.engine.port import ImageInfo
from builder.plan import Plan
from builder.progress import Observer
from builder.publish.there import Held
from builder.publish.travel import documents
from builder.registry.referrers import attach
from builder.registry.write import Writer
from builder.sbom.documents import FILES
from builder.smoke.verdict import Verdict
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.supply import step


def laid_beside(
    project: Project,
    plan: Plan,
    image: ImageInfo,
    verdict: Verdict | None,
    writer: Writer,
    there: Held,
    observer: Observer,
) -> dict[str, str]:
    """Lay all that there is beside the image; the digests by name. Raises RegistryError."""
    found = documents(plan.lock, verdict, _sboms(project, plan, image) if verdict else {})
    with step(observer, "push", "push:beside", f"lay {', '.join(one.name for one in found)} beside it"):
        document = there.document
        return {
            one.name: attach(writer, document.digest, document.media_type, len(document.body), one)
            for one in found
        }


def _sboms(project: Project, plan: Plan, image: ImageInfo) -> dict[str, tuple[str, bytes]]:
    """What the proof of this very image has kept beside its record; lists of an earlier image may lie there."""
    folder = records.folder(project, plan.spec.ref)
    kept = {kind: folder / name for kind, name in FILES.items()}
    found = {kind: (path.name, path.read_bytes()) for kind, path in kept.items() if path.is_file()}
    return {kind: one for kind, one in found.items() if image.id.encode() in one[1]}
