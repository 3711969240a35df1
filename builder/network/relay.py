"""Private channels for a program that may not see their secrets.

rattler would put a conda token into URLs, into its error texts, and (as `Referer`) into requests to wherever a server
redirects. So it asks this relay on the loopback instead, and the relay asks the channel with our own session: one
implementation of credentials, proxies, CAs and redirects. The relay answers only below a path that nobody else knows.
"""

from __future__ import annotations

import logging
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from urllib3.exceptions import HTTPError

from builder.network.redact import redacted
from builder.network.refusal import Refusal
from builder.network.session import Session, is_proxy_refusal, is_untrusted

log = logging.getLogger(__name__)

CHUNK = 1 << 16
_ASKED = (
    "Accept",
    "Accept-Encoding",
    "Cache-Control",
    "If-Modified-Since",
    "If-None-Match",
    "Range",
    "User-Agent",
)
_TOLD = (
    "Cache-Control",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Retry-After",
    "Vary",
)
_TIMEOUT = (10.0, 60.0)  # seconds: connect, read
_NO_BODY = frozenset({204, 304})


@dataclass
class Relay:
    """places: the address to ask instead of each channel. refused: what went wrong, as it happens."""

    places: dict[str, str]
    refused: list[Refusal] = field(default_factory=list)

    def canonical(self, text: str) -> str:
        """A program's words with the channels' own addresses in them."""
        for channel, place in self.places.items():
            text = text.replace(place, channel)
        return text


@contextmanager
def relayed(channels: Sequence[str], make: Callable[[], Session] = Session) -> Iterator[Relay]:
    """A relay for these channels, on the loopback, while the context is open."""
    keys = {secrets.token_urlsafe(24): channel for channel in channels}
    relay, sessions = Relay({}), _Sessions(make)
    server = _Server(("127.0.0.1", 0), partial(_Handler, keys=keys, relay=relay, sessions=sessions))
    base = f"http://127.0.0.1:{server.server_address[1]}"
    relay.places.update({channel: f"{base}/{key}" for key, channel in keys.items()})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        sessions.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A fault of one request is told in the log, not printed."""
        log.debug("the relay could not answer", exc_info=sys.exc_info())


class _Sessions:
    """One session for each thread: connections are used again, and no thread meets another's state."""

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._free: list[Session] = []

    @contextmanager
    def one(self) -> Iterator[Session]:
        with self._lock:
            session = self._free.pop() if self._free else self._make()
        try:
            yield session
        finally:
            with self._lock:
                self._free.append(session)

    def close(self) -> None:
        """Close the connections of all that are not at work."""
        with self._lock:
            for session in self._free:
                session.close()
            self._free.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def __init__(self, *args: object, keys: Mapping[str, str], relay: Relay, sessions: _Sessions) -> None:
        self.keys, self.relay, self.sessions = keys, relay, sessions
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Pass a request on."""
        self._pass_on()

    def do_HEAD(self) -> None:
        """Pass a request on, for the head only."""
        self._pass_on()

    def log_message(self, *_args: object) -> None:
        """Nothing: the path is a secret of its own."""

    def handle_one_request(self) -> None:
        """As before; a program that hangs up is no fault of ours."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _pass_on(self) -> None:
        key, _, rest = self.path.lstrip("/").partition("/")
        channel = self.keys.get(key)
        if channel is None:
            self._head(404, {"Content-Length": "0"})
            return
        url = f"{channel}/{rest}"
        headers: dict[str, str | bytes | None] = {
            name: self.headers[name] for name in _ASKED if self.headers[name]
        }
        headers.setdefault("Accept-Encoding", None)
        with self.sessions.one() as session:
            try:
                with session.ask(self.command, url, headers=headers, stream=True, timeout=_TIMEOUT,
                                 allow_redirects=True) as answer:  # fmt: skip
                    self._answer(answer, url)
            except requests.RequestException as error:
                self._no_answer(error, url)

    def _answer(self, answer: requests.Response, url: str) -> None:
        status = answer.status_code
        if status >= 400:
            self.relay.refused.append(Refusal(url, status))
        told = {name: answer.headers[name] for name in _TOLD if name in answer.headers}
        body = self.command != "HEAD" and status not in _NO_BODY
        chunked = body and "Content-Length" not in told
        self._head(status, {**told, "Transfer-Encoding": "chunked"} if chunked else told)
        if not body:
            return
        try:
            while piece := answer.raw.read(CHUNK, decode_content=False):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except (
            HTTPError
        ) as error:  # the channel cut it: so do we, and half a file is never taken for a whole one
            self.relay.refused.append(Refusal(url, 0, type(error).__name__))
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _no_answer(self, error: requests.RequestException, url: str) -> None:
        untrusted, refused = is_untrusted(error), is_proxy_refusal(error)
        self.relay.refused.append(
            Refusal(url, 407 if refused else 0, type(error).__name__, redacted(str(error)), untrusted)
        )
        # What no other attempt would mend is not called an error of the server, or it would be asked again.
        self._head(400 if untrusted or refused else 502, {"Content-Length": "0"})

    def _head(self, status: int, told: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
