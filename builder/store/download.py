"""One file over HTTP into the store: the machine's proxies and CAs, retries, resuming where it was cut."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.network.redact import public as public  # noqa: PLC0414  (messages of downloads name URLs so)
from builder.network.refusal import CERTIFICATES_FIX, PROXY_FIX
from builder.network.session import Session, is_proxy_refusal, is_untrusted
from builder.settings.patience import Policy
from builder.store.cache import CHUNK, Mismatch, Store
from builder.store.transfer import Cut, Transfer

MOST_TIMES = 3  # that a file is fetched from nothing
CUT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, HTTPError)

log = logging.getLogger(__name__)


class Stopped(Exception):  # noqa: N818  (not a fault: somebody else failed, or the user interrupted)
    """The fetch as a whole was stopped."""


class Downloader:
    """Downloads for one thread. A context manager: it closes its connections."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        stop: threading.Event,
        tick: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self.store, self.policy, self.stop, self.tick = store, policy, stop, tick
        self.session = Session()

    def __enter__(self) -> Downloader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()

    def get(self, file: LockedFile) -> Path:
        """Fetch and check one file. Raises BuildError, or Stopped when the fetch as a whole ended.

        Wrong bytes that came in one piece are asked for once more, past the caches on the way; what was put together
        out of pieces is not held against the server.
        """
        wrong, as_sent = 0, False
        for times in range(1, MOST_TIMES + 1):
            with self.store.partial(file, self._wait) as partial:
                if partial is None:
                    self.tick(file.size or 0)
                    return self.store.path(file.sha256)
                partial.resume(self.tick)
                transfer = Transfer(file, partial, self.policy, self._tick, anew=times > 1, as_sent=as_sent)
                try:
                    return self._attempts(transfer)
                except Mismatch as error:
                    wrong += error.whole
                    if wrong > 1 or times == MOST_TIMES:
                        raise
                    as_sent = transfer.encoded  # what is inside is wrong: the file may be what was around it
                    log.debug("once more from nothing: %s", error)
        raise AssertionError("the last time returns or raises")

    def _tick(self, count: int) -> None:
        if self.stop.is_set():
            raise Stopped
        self.tick(count)

    def _wait(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    def _attempts(self, transfer: Transfer) -> Path:
        """Ask until the file is there; only attempts that got nowhere count against the policy."""
        file, partial, failed, furthest = transfer.file, transfer.partial, 0, transfer.partial.size
        while True:
            try:
                self._attempt(transfer)
                return self._keep(transfer)
            except Cut as cut:
                failed = 1 if partial.size >= furthest + CHUNK else failed + 1
                furthest = max(furthest, partial.size)
                if failed >= self.policy.attempts:
                    fix = "check network and proxy settings, then run again: it goes on where it stopped"
                    times = f"{failed} attempt{'s' if failed > 1 else ''}"
                    what = f"cannot fetch {file.filename}: {cut} ({times})"
                    raise BuildError(what, where=public(file.url), fix=fix) from cut
                pause = self.policy.wait(failed, cut.pause)
                log.debug("%s: %s; again in %.1f s", public(file.url), cut, pause)
            self._wait(pause)

    def _keep(self, transfer: Transfer) -> Path:
        """Check it and give it its place. Raises Mismatch, and then nothing of it is left."""
        size = transfer.partial.size
        try:
            return self.store.keep(transfer.file, transfer.partial, place=public(transfer.file.url))
        except Mismatch:
            self.tick(-size)
            raise

    def _attempt(self, transfer: Transfer) -> None:
        file = transfer.file
        if file.size is not None and transfer.partial.size == file.size:
            return
        timeout = (self.policy.connect, self.policy.read)
        try:
            with self.session.get(
                file.url, headers=transfer.headers(), stream=True, timeout=timeout
            ) as answer:
                transfer.take(answer, public(file.url))
        except (*CUT, requests.RequestException) as error:
            raise fault_of(error, file.filename, public(file.url)) from error


def fault_of(error: Exception, name: str, where: str) -> Cut | BuildError:
    """A request that failed: Cut for what may go better next time, else what to tell."""
    if is_untrusted(error):
        what = f"the server's certificate is not trusted ({type(error).__name__})"
        return BuildError(what, where=where, fix=CERTIFICATES_FIX)
    if is_proxy_refusal(error):
        return BuildError("the proxy wants other credentials than it got (407)", where=where, fix=PROXY_FIX)
    if isinstance(error, CUT):
        return Cut(_why(error))
    what = f"cannot fetch {name}: {type(error).__name__}"
    return BuildError(what, where=where, fix="check the URL, and where the server sends on to")


def _why(error: Exception) -> str:
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return "the server did not answer in time"
    return f"the connection was cut ({type(error).__name__})"
