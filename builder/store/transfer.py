"""One file on its way: what a request has to say, what its answer means, and whether another one may go better."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import requests
from urllib3.exceptions import DecodeError

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.network.credentials import login_advice
from builder.network.refusal import PROXY_FIX
from builder.settings.patience import Policy, asked_pause
from builder.store.cache import Partial, trouble

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
PIECE = 1 << 16


class Cut(Exception):  # noqa: N818  (not yet a fault)
    """An attempt that may go better next time. pause: what the server asked for, in seconds."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


@dataclass
class Transfer:
    """The attempts at one file.

    tick is told the bytes that came, negative ones when they are thrown away. anew: what lies in caches on the way
    was bad, and is to be asked for at its origin. as_sent: the body is not what its Content-Encoding says, and is
    taken as it is. encoded: the last answer said that it is encoded.

    There is no `If-Range`: the mirrors of one file have different tags for it, and the sha256 judges what was put
    together.
    """

    file: LockedFile
    partial: Partial
    policy: Policy
    tick: Callable[[int], None]
    anew: bool = False
    as_sent: bool = False
    encoded: bool = False

    def headers(self) -> dict[str, str]:
        """What the next request says."""
        said = {"Accept-Encoding": "identity"}
        if self.anew:
            said["Cache-Control"] = "no-cache"
        if self.partial.size:
            said["Range"] = f"bytes={self.partial.size}-"
        return said

    def take(self, answer: requests.Response, where: str) -> None:
        """Append the answer's body. Raises Cut, BuildError, and what requests and urllib3 raise for a cut."""
        self._judge(answer, where)
        said = answer.headers.get("Content-Encoding", "").strip().lower()
        self.encoded = said not in {"", "identity"} and not self.as_sent
        self._place(answer)
        self.partial.whole = self.partial.size == 0 and _has_end(answer)
        try:
            self._receive(answer)
        except DecodeError as error:  # it says what it is not: take the bytes as they are
            self.as_sent = True
            self.restart()
            raise Cut("the server sent it in another encoding than it said") from error
        except Exception:
            if self.encoded:  # a place in the file is no place in what is sent
                self.restart()
            raise

    def restart(self) -> None:
        """Forget what was received."""
        self.tick(-self.partial.size)
        self.partial.restart()

    def _judge(self, answer: requests.Response, where: str) -> None:
        status = answer.status_code
        if status in AGAIN:
            raise Cut(f"the server answered {status}", asked_pause(answer.headers.get("Retry-After")))
        if status == 416:  # nothing beyond what we have: it is another file than the one we began
            self.restart()
            raise Cut("the server does not go on where the download stopped")
        if status not in {200, 206}:
            what = f"cannot fetch {self.file.filename}: the server answered {status}"
            raise BuildError(what, where=where, fix=_advice(status, self.file.url))

    def _place(self, answer: requests.Response) -> None:
        """Set the partial file to where this answer's body begins."""
        partial = answer.status_code == 206
        start = f"bytes {self.partial.size}-"
        right = partial and answer.headers.get("Content-Range", "").startswith(start) and not self.encoded
        if right:
            return
        if self.partial.size:
            self.restart()
        if partial:
            raise Cut("the server answered with another range")

    def _receive(self, answer: requests.Response) -> None:
        pace, size = _Pace(self.policy), self.file.size
        while piece := answer.raw.read1(PIECE, decode_content=not self.as_sent):
            try:
                self.partial.write(piece)
            except OSError as error:
                raise trouble(error, self.partial.path) from error
            self.tick(len(piece))
            if size is not None and self.partial.size > size:
                return  # too long already, and who knows how long it gets
            pace.saw(len(piece))
        if size is not None and self.partial.size < size:
            raise Cut(f"the connection ended after {self.partial.size} of {size} bytes")


class _Pace:
    """Whether bytes come at all: a server that dribbles for ever never runs into a time limit."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.since, self.count = policy, time.monotonic(), 0

    def saw(self, count: int) -> None:
        self.count += count
        now = time.monotonic()
        if now - self.since < self.policy.read:
            return
        if self.count < self.policy.slowest * (now - self.since):
            raise Cut(f"the server sent {self.count} bytes in {now - self.since:.0f} seconds")
        self.since, self.count = now, 0


def _has_end(answer: requests.Response) -> bool:
    """Whether the answer says where it ends: else a cut looks like a shorter file."""
    return "Content-Length" in answer.headers or "Transfer-Encoding" in answer.headers


def _advice(status: int, url: str) -> str:
    if status in {401, 403}:
        return login_advice(url)
    if status == 407:
        return PROXY_FIX
    if status in {404, 410}:
        return "the file is gone upstream: make the lock again (imgbuild lock)"
    return "look at the URL with a browser or curl"
