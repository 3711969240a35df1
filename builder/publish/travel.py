"""What travels with an image, as documents that lie beside it in the registry: lock, commit, verdict, lists of its
packages and of its files."""

from __future__ import annotations

from collections.abc import Mapping

from builder.lock.model import LockSet
from builder.publish.record import Revision
from builder.registry.referrers import Attachment
from builder.smoke.verdict import Verdict

VERDICT = "application/vnd.imgbuild.verdict.v1+json"
LOCK = "application/vnd.imgbuild.lock.v1+json"
SOURCE = "application/vnd.imgbuild.source.v1+json"
INSTALLED = "application/vnd.imgbuild.files.v1+json"


def documents(
    lock: LockSet, verdict: Verdict | None, revision: Revision | None, lists: Mapping[str, tuple[str, bytes]]
) -> tuple[Attachment, ...]:
    """One of each that there is. lists: name and bytes by media type. Equal values give equal bytes."""
    found = [Attachment(kind=LOCK, name="lock.json", content=lock.model_dump_json(indent=1).encode() + b"\n")]
    if revision is not None:
        content = revision.model_dump_json(indent=1).encode() + b"\n"
        found.append(Attachment(kind=SOURCE, name="source.json", content=content))
    if verdict is not None:
        content = verdict.model_dump_json(indent=1).encode() + b"\n"
        found.append(Attachment(kind=VERDICT, name="verdict.json", content=content))
    found += [Attachment(kind=kind, name=name, content=content) for kind, (name, content) in lists.items()]
    return tuple(found)
