"""Writing into one repository: blobs, mounted or uploaded piece by piece, and manifests under tags.

Source: opencontainers/distribution-spec:spec.md, "Push". A piece that was cut off goes on where the registry says that
it stands; an upload that the registry has forgotten begins anew.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urlencode, urljoin, urlsplit

from builder.errors import RegistryError
from builder.network.redact import public
from builder.registry.client import Document, Registry
from builder.registry.faults import BROKEN_FIX, is_passing
from builder.registry.wire import Answer
from builder.settings.patience import Policy

EMPTY = b"{}"
PIECE = 8 << 20  # bytes that are sent at once
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,19})")
_BYTES = {"Content-Type": "application/octet-stream"}


class Writer:
    """One repository of a registry that may be written to. policy: how often a piece is tried again."""

    def __init__(
        self, registry: Registry, repository: str, policy: Policy, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.registry, self.repository = registry, repository
        registry.written.add(repository)
        self._policy, self._sleep = policy, sleep

    def probe(self) -> None:
        """Put two bytes that every document beside an image needs: shows that one may write here, that there is room,
        and that what is put is held. Raises RegistryError."""
        self._put(f"sha256:{hashlib.sha256(EMPTY).hexdigest()}", len(EMPTY), io.BytesIO(EMPTY))

    def has_blob(self, digest: str, size: int | None = None) -> bool:
        """Whether the repository holds a blob, of this size where one is named. Raises RegistryError."""
        answer = self.registry.ask(self.repository, f"blobs/{digest}", {}, method="HEAD", good=(200, 404))
        told = answer.headers.get("content-length")
        return answer.status == 200 and (size is None or told in {None, str(size)})

    def mount_blob(self, digest: str, source: str) -> bool:
        """Take a blob over from another repository of the registry; False where it must be uploaded.

        The upload that the registry begins then is left to it: to take it away is another right than to push. Raises
        RegistryError.
        """
        words = urlencode({"mount": digest, "from": source})
        answer = self.registry.ask(
            self.repository,
            f"blobs/uploads/?{words}",
            {},
            method="POST",
            data=b"",
            good=(201, 202),
            beside=source,
        )
        return answer.status == 201

    def put_bytes(self, data: bytes) -> str:
        """Upload a small blob, unless it is there; its digest. Raises RegistryError."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.put_blob(digest, len(data), io.BytesIO(data))
        return digest

    def put_blob(self, digest: str, size: int, content: BinaryIO) -> None:
        """Upload a blob from a stream that can seek, unless it is there. Raises RegistryError when it cannot be had
        there whole; a later call goes on from nothing, and only with what is missing."""
        if not self.has_blob(digest):
            self._put(digest, size, content)

    def _put(self, digest: str, size: int, content: BinaryIO) -> None:
        place, at, furthest, failed, begun = "", 0, 0, 0, 0
        asked = False  # whether it must be asked where the upload stands
        while True:
            if not place and begun and self.has_blob(digest, size):
                return  # all of it came, and the answer that said so was lost
            if not place:
                place, at, furthest, asked = self._begin(), 0, 0, False
                begun += 1
            try:
                if asked:
                    place, at = self._standing(place)
                    asked = False
                if at >= size:
                    self._finish(place, digest)
                    break
                place, at = self._piece(place, content, at)
            except RegistryError as error:
                failed += 1
                if max(failed, begun) >= self._policy.attempts or not _may_pass(error):
                    raise
                self._sleep(self._policy.wait(failed))
                place, asked = (place, True) if is_passing(error) else ("", False)
            if at > furthest:  # who comes forward has patience anew
                furthest, failed = at, 0
        if not self.has_blob(digest, size):
            what = "it said that it has the blob, and has it not"
            raise RegistryError("broken", what, where=f"{self.repository}@{digest}", fix=BROKEN_FIX)

    def _begin(self) -> str:
        answer = self.registry.ask(
            self.repository, "blobs/uploads/", {}, method="POST", data=b"", good=(202,)
        )
        return _location(answer)

    def _finish(self, place: str, digest: str) -> None:
        mark = "&" if urlsplit(place).query else "?"
        last = f"{place}{mark}{urlencode({'digest': digest})}"
        self.registry.ask(self.repository, last, _BYTES, method="PUT", data=b"", good=(201,), once=True)

    def _piece(self, place: str, content: BinaryIO, at: int) -> tuple[str, int]:
        content.seek(at)
        piece = content.read(PIECE)
        headers = {**_BYTES, "Content-Range": f"{at}-{at + len(piece) - 1}"}
        answer = self.registry.ask(
            self.repository, place, headers, method="PATCH", data=piece, good=(202,), once=True
        )
        return _location(answer), at + len(piece)

    def _standing(self, place: str) -> tuple[str, int]:
        """Where an upload goes on, and from which byte."""
        answer = self.registry.ask(self.repository, place, {}, good=(204,))
        found = _RANGE.fullmatch(answer.headers.get("range", ""))
        # `0-0` is what registries say of an upload that holds nothing, and of one that holds a byte: from the beginning
        # of the second kind nothing could go on, so such a short one is begun anew by the caller's digest check.
        last = int(found[1]) if found else 0
        return _location(answer, place), last + 1 if last else 0

    def put_manifest(self, wanted: str, body: bytes, media_type: str) -> str:
        """Put a manifest or index under a tag or its digest, and read back that it is there; its digest.

        Raises RegistryError, and then the tag may stand for the one or the other, as reading it says.
        """
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        headers = {"Content-Type": media_type}
        self.registry.ask(
            self.repository, f"manifests/{wanted}", headers, method="PUT", data=body, good=(200, 201, 202)
        )
        there = self.registry.manifest(self.repository, wanted)
        if there.digest != digest:
            what = f"it said that {wanted} was put, and holds {there.digest[:19]}... there"
            raise RegistryError("broken", what, where=self.repository, fix=BROKEN_FIX)
        return digest

    def find_manifest(self, wanted: str) -> Document | None:
        """What lies under a tag or digest; None where nothing does. Raises RegistryError for all else."""
        return self.registry.find_manifest(self.repository, wanted)


def _may_pass(error: RegistryError) -> bool:
    """An upload that was forgotten (404) or does not add up to its digest (400, 416) may do so when begun anew."""
    return is_passing(error) or (error.kind in {"missing", "broken"} and "certificate" not in error.what)


def _location(answer: Answer, otherwise: str = "") -> str:
    """The URL of an upload, on the host that was asked: a login goes nowhere else."""
    told = answer.headers.get("location") or otherwise
    place = urljoin(answer.url, told)
    if not told or urlsplit(place)[:2] != urlsplit(answer.url)[:2]:
        what = "the registry names no place on its own host for an upload"
        raise RegistryError("broken", what, where=public(answer.url), fix=BROKEN_FIX)
    return place
