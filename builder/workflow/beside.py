"""What `push` lays beside an image in the registry: lock, commit, verdict, the lists of its packages and files."""

from __future__ import annotations

from pathlib import Path

from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError
from builder.plan import Plan
from builder.progress import Note, Observer
from builder.publish.there import Held
from builder.publish.travel import INSTALLED, documents
from builder.registry.referrers import attach
from builder.registry.write import Writer
from builder.sbom.documents import FILES
from builder.smoke.verdict import Verdict
from builder.spec.project import Project
from builder.verify.installed import Installed, read_installed, write_installed
from builder.verify.saved import checked, read_saved
from builder.verify.tree import stack
from builder.workflow import records
from builder.workflow.supply import step

NAME = "files.json"
_MOST = 64 << 20  # bytes of one document beside an image


def laid_beside(
    project: Project,
    plan: Plan,
    image: ImageInfo,
    verdict: Verdict | None,
    engine: Engine,
    writer: Writer,
    there: Held,
    observer: Observer,
) -> dict[str, str]:
    """Lay all that there is beside the image; the digests by name. Raises RegistryError."""
    lists: dict[str, tuple[str, bytes]] = {}
    if verdict is not None:
        lists = _sboms(project, plan, image)
        if len(lists) < len(FILES):
            told = f"not all lists of this image's packages are kept here: `imgbuild test {plan.spec.ref}` makes them"
            observer(Note(f"{told}, and the next push lays them beside it"))
        if (files := _installed(project, plan, image, engine, observer)) is not None:
            lists[INSTALLED] = (NAME, files)
    record = records.read(project, plan.spec.ref)
    revision = record.revision if record is not None and record.image_id == image.id else None
    found = documents(plan.lock, verdict, revision, lists)
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


def _installed(
    project: Project, plan: Plan, image: ImageInfo, engine: Engine, observer: Observer
) -> bytes | None:
    """The list of the image's files: kept from an earlier push of this very image, else read from the engine."""
    path = records.folder(project, plan.spec.ref) / NAME
    if kept_installed(path, image.id, plan.digest) is not None:
        return path.read_bytes()
    try:
        with step(observer, "push", f"files:{image.id}", "read every file of the image"):
            saved = checked(read_saved(engine.save(image.id), lambda _path: False, image.id), image.id)
        entries = stack(saved.layers).entries
    except BuildError as error:
        observer(Note(f"no list of its files is laid beside it: {error}"))
        return None
    body = write_installed(Installed(plan.spec.ref, image.id, plan.digest, entries))
    if len(body) > _MOST:
        observer(Note(f"no list of its files is laid beside it: {len(entries)} files are too many"))
        return None
    try:
        records.replace(path, body)
    except OSError as error:  # it is read again at the next push
        observer(Note(f"the list of its files could not be kept: {error.strerror or error} ({path})"))
    return body


def kept_installed(path: Path, image_id: str, plan_digest: str) -> Installed | None:
    """The list that an earlier push has kept, if it is of this image; None where there is none that can be read."""
    try:
        found = read_installed(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if (found.image_id, found.plan_digest) == (image_id, plan_digest) else None
