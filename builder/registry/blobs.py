"""A large blob in pieces, each asked for by its range, so that a cut line costs one piece and memory holds one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from builder.errors import RegistryError
from builder.registry.client import Registry
from builder.registry.faults import BROKEN_FIX

PIECE = 16 << 20  # bytes
_WHOLE = 256 << 20  # bytes of a blob that a registry without ranges may send at once


def blob_pieces(registry: Registry, repository: str, digest: str, size: int) -> Iterator[bytes]:
    """The bytes of a blob of a known size. Raises RegistryError, at the latest behind the last piece when they are not
    those that the digest names."""
    if not digest.startswith("sha256:"):
        raise RegistryError("broken", f"digests like {digest[:12]} cannot be checked", fix=BROKEN_FIX)
    known, at = hashlib.sha256(), 0
    while at < size:
        last = min(at + PIECE, size) - 1
        limit = PIECE if at else min(size, _WHOLE)
        answer = registry.ask(
            repository, f"blobs/{digest}", {"Range": f"bytes={at}-{last}"}, good=(200, 206), limit=limit
        )
        if answer.status == 200 and at:
            raise RegistryError("broken", "it forgets where a blob goes on", where=repository, fix=BROKEN_FIX)
        if not answer.body or (answer.status == 206 and len(answer.body) != last - at + 1):
            raise RegistryError(
                "broken", "it sends less than it was asked for", where=repository, fix=BROKEN_FIX
            )
        known.update(answer.body)
        at += len(answer.body)
        yield answer.body
    if f"sha256:{known.hexdigest()}" != digest:
        what = f"what came is not what {digest[:19]}... names"
        fix = "something between here and the registry changes it"
        raise RegistryError("broken", what, where=repository, fix=fix)
