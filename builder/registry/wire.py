"""Asking registries: one session for each host with the engine's trust, patience, bounded answers, redirects by hand.

A login goes to the host that it is for. It follows a redirect to no other host, port or scheme, and no redirect leads
from https to http.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from builder.errors import RegistryError
from builder.network.credentials import Credentials
from builder.network.redact import public
from builder.network.session import Session
from builder.registry.faults import BROKEN_FIX, busy, connection_fault, is_passing
from builder.registry.trust import DaemonTrust, is_loopback
from builder.settings.patience import Policy, asked_pause

LIMIT = 4 << 20  # bytes of an answer; 4 MiB is what registries take for a manifest
_HOPS = 5
_LATER = frozenset({408, 429, 500, 502, 503, 504, 507})
_MOVED = frozenset({301, 302, 303, 307, 308})
_PIECE = 1 << 16
# No proxy reaches what is this machine, so the engine asks it directly, whatever NO_PROXY says; None takes a proxy of
# the environment away.
_DIRECT: dict[str, Any] = {"http": None, "https": None, "all": None}


@dataclass(frozen=True)
class Answer:
    """What a server said; header names in lower case. url: where it said it, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True)
class Question:
    """limit: most bytes of the answer. form: what is posted to a token server. data: what is sent. once: it is not
    asked again when it fails, because half of it may have been done."""

    url: str
    headers: Mapping[str, str]
    limit: int = LIMIT
    form: Mapping[str, str] | None = None
    method: str = "GET"
    data: bytes | None = None
    once: bool = False


class Wire:
    """Connections to registries and their token servers. A context manager: it closes them."""

    def __init__(
        self, trust: DaemonTrust, policy: Policy, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.trust, self.policy, self._sleep = trust, policy, sleep
        self._sessions: dict[str, Session] = {}
        self._schemes: dict[str, str] = {}

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions.values():
            session.close()

    def base(self, host: str) -> str:
        """`https://HOST`; `http://HOST` for an insecure one that speaks no TLS. Raises RegistryError."""
        if host not in self._schemes:
            self._schemes[host] = self._scheme(host) if self.trust.is_insecure(host) else "https"
        return f"{self._schemes[host]}://{host}"

    def _scheme(self, host: str) -> str:
        """As the engine finds it out: TLS first, whatever its certificate, then plain."""
        try:
            self._hop(Question(f"https://{host}/v2/", {}))
        except RegistryError:
            return "http"
        return "https"

    def ask(self, question: Question) -> Answer:
        """The answer, whatever its status but 429 and 5xx, which are waited for.

        Raises RegistryError when there is none in the end, BuildError where nothing may be asked (offline).
        """
        failed = 0
        while True:
            asked = 0.0
            try:
                answer = self._followed(question)
                if answer.status not in _LATER:
                    return answer
                asked = asked_pause(answer.headers.get("retry-after"))
                fault = busy(answer.status, answer.body, answer.url)
            except RegistryError as error:
                fault = error
            failed += 1
            if question.once or failed >= self.policy.attempts or not is_passing(fault):
                raise fault
            self._sleep(self.policy.wait(failed, asked))

    def _followed(self, question: Question) -> Answer:
        url, headers = question.url, dict(question.headers)
        for _hop in range(_HOPS):
            answer = self._hop(replace(question, url=url, headers=headers))
            target = answer.headers.get("location")
            reads = question.form is None and question.method in {"GET", "HEAD"}
            if answer.status not in _MOVED or not target or not reads:
                return answer
            onward = urljoin(url, target)
            self._check(url, onward)
            if _origin(url) != _origin(onward):
                headers.pop("Authorization", None)
            url = onward
        raise RegistryError("broken", "it sends on and on", where=public(question.url), fix=BROKEN_FIX)

    def _check(self, url: str, onward: str) -> None:
        before, after = _origin(url), _origin(onward)
        if after[0] not in {"http", "https"} or not after[1]:
            raise RegistryError("broken", "it sends on to what is no URL", where=public(url), fix=BROKEN_FIX)
        if (
            before[0] == "https"
            and after[0] == "http"
            and not self.trust.is_insecure(urlsplit(onward).netloc)
        ):
            what = f"it sends on to {public(onward)}, which is not encrypted"
            raise RegistryError("broken", what, where=public(url), fix=BROKEN_FIX)

    def _hop(self, question: Question) -> Answer:
        """One request and its whole answer."""
        host = urlsplit(question.url).netloc
        session = self._session(host)
        method = question.method if question.form is None else "POST"
        try:
            with session.ask(
                method,
                question.url,
                headers=dict(question.headers),
                data=question.form if question.form is not None else question.data,
                allow_redirects=False,
                stream=True,
                timeout=(self.policy.connect, self.policy.read),
                proxies=_DIRECT if is_loopback(host) else None,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status_code, headers, _body(answer, question), question.url)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise connection_fault(error, question.url) from error

    def _session(self, host: str) -> Session:
        if host not in self._sessions:
            # No credentials of its own: logins are said here, to whom they belong.
            self._sessions[host] = Session(Credentials(), self.trust.of(host))
        return self._sessions[host]


def _body(answer: requests.Response, question: Question) -> bytes:
    pieces, size = [], 0
    end = time.monotonic() + _PATIENCE
    for piece in answer.iter_content(_PIECE):
        size += len(piece)
        pieces.append(piece)
        if size > question.limit:
            what = f"its answer is longer than {question.limit} bytes"
            raise RegistryError("broken", what, where=public(question.url), fix=BROKEN_FIX)
        if time.monotonic() > end:
            raise RegistryError(
                "unreachable",
                f"its answer was not whole after {_PATIENCE:.0f} seconds",
                where=public(question.url),
                fix="check network and proxy",
            )
    return b"".join(pieces)


_PATIENCE = 120.0  # seconds for the few bytes of a manifest, however slowly they drip


@functools.lru_cache(maxsize=256)
def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None, None
