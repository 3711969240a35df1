"""One file over HTTP into the store: the machine's proxies and CAs, retries, resuming where it was cut."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import requests

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.network.credentials import login_advice
from builder.network.redact import public as public  # noqa: PLC0414  (messages of downloads name URLs so)
from builder.network.session import CERTIFICATES_FIX, PROXY_FIX, Session, is_proxy_refusal
from builder.store.cache import CHUNK, Mismatch, Partial, Store, trouble

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 30.0
CUT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Stopped(Exception):  # noqa: N818  (not a fault: somebody else failed, or the user interrupted)
    """The fetch as a whole was stopped."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a download is: attempts per file, first pause and time limits in seconds."""

    attempts: int = 5
    pause: float = 0.5
    connect: float = 10.0
    read: float = 30.0


class _Cut(Exception):  # noqa: N818
    """An attempt that may go better next time. pause: what the server asked for, in seconds."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


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
        """Fetch and check one file. Raises BuildError, or Stopped when the fetch as a whole ended."""
        with self.store.partial(file, self._wait) as partial:
            if partial is None:
                self.tick(file.size or 0)
                return self.store.path(file.sha256)
            partial.resume(self.tick)
            resumed = partial.size > 0
            try:
                return self._attempts(file, partial)
            except Mismatch:
                if not resumed:
                    raise
        return self.get(file)  # what an earlier run left was bad: once more from nothing

    def _wait(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    def _attempts(self, file: LockedFile, partial: Partial) -> Path:
        for number in range(1, self.policy.attempts + 1):
            try:
                self._attempt(file, partial)
                return self.store.keep(file, partial, place=public(file.url))
            except _Cut as cut:  # noqa: PERF203  (a retry is a loop)
                if number == self.policy.attempts:
                    fix = "check network and proxy settings, then run again: it goes on where it stopped"
                    what = f"cannot fetch {file.filename}: {cut} ({number} attempts)"
                    raise BuildError(what, where=public(file.url), fix=fix) from cut
                self._wait(min(LONGEST_WAIT, max(cut.pause, self.policy.pause * 2 ** (number - 1))))
        raise AssertionError("policy.attempts is at least 1")

    def _attempt(self, file: LockedFile, partial: Partial) -> None:
        if file.size is not None and partial.size == file.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if partial.size:
            headers["Range"] = f"bytes={partial.size}-"
        timeout = (self.policy.connect, self.policy.read)
        try:
            with self.session.get(file.url, headers=headers, stream=True, timeout=timeout) as answer:
                _place(answer, file, partial)
                self._receive(answer, file, partial)
        except requests.exceptions.SSLError as error:
            what = f"the server's certificate is not trusted ({type(error).__name__})"
            raise BuildError(what, where=public(file.url), fix=CERTIFICATES_FIX) from error
        except CUT as error:
            if is_proxy_refusal(error):
                what = "the proxy wants other credentials than it got (407)"
                raise BuildError(what, where=public(file.url), fix=PROXY_FIX) from error
            raise _Cut(_why(error)) from error
        except requests.RequestException as error:
            what = f"cannot fetch {file.filename}: {type(error).__name__}"
            raise BuildError(what, where=public(file.url), fix="check the URL in the lock") from error

    def _receive(self, answer: requests.Response, file: LockedFile, partial: Partial) -> None:
        for piece in answer.iter_content(CHUNK):
            if self.stop.is_set():
                raise Stopped
            try:
                partial.write(piece)
            except OSError as error:
                raise trouble(error, partial.path) from error
            self.tick(len(piece))
        if file.size is not None and partial.size < file.size:
            raise _Cut(f"the connection ended after {partial.size} of {file.size} bytes")


def _place(answer: requests.Response, file: LockedFile, partial: Partial) -> None:
    """Judge the status, and set the partial file to where this answer's body begins."""
    status = answer.status_code
    if status in AGAIN:
        raise _Cut(f"the server answered {status}", _asked_pause(answer))
    if status == 416:  # nothing beyond what we have: it is another file than the one we began
        partial.restart()
        raise _Cut("the server does not go on where the download stopped")
    if status not in {200, 206}:
        what = f"cannot fetch {file.filename}: the server answered {status}"
        raise BuildError(what, where=public(file.url), fix=_advice(status, file.url))
    if partial.size and not answer.headers.get("Content-Range", "").startswith(f"bytes {partial.size}-"):
        partial.restart()
        if status == 206:
            raise _Cut("the server answered with another range")


def _advice(status: int, url: str) -> str:
    if status in {401, 403}:
        return login_advice(url)
    if status == 407:
        return PROXY_FIX
    if status in {404, 410}:
        return "the file is gone upstream: make the lock again (imgbuild lock)"
    return "look at the URL with a browser or curl"


def _asked_pause(answer: requests.Response) -> float:
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    return f"the connection was cut ({type(error).__name__})"
