"""Folders on loopback that want credentials, over http or https, with the head of every request written down."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.support.threads import running
from tests.support.web import Handler, Web

Rule = Callable[[str, Mapping[str, str]], str | None]


@dataclass
class Guarded(Web):
    """heads: what each request said, `METHOD PATH` and its headers. moved: another server, where all is now.

    rule: who may.
    """

    rule: Rule = field(default=lambda path, _headers: path)
    moved: str = ""
    heads: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def said(self) -> str:
        """All heads as one text, to search in."""
        return repr(self.heads)


def everybody(path: str, _headers: Mapping[str, str]) -> str | None:
    """No credentials wanted."""
    return path


def basic(user: str, password: str) -> Rule:
    """Only with this user and password."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return lambda path, headers: path if headers.get("Authorization") == f"Basic {pair}" else None


def bearer(token: str) -> Rule:
    return lambda path, headers: path if headers.get("Authorization") == f"Bearer {token}" else None


def token(value: str, base: str = "") -> Rule:
    """conda's way: `BASE/t/VALUE/` at the path's beginning."""
    head = f"{base}/t/{value}/"

    def rule(path: str, _headers: Mapping[str, str]) -> str | None:
        return f"{base}/{path.removeprefix(head)}" if path.startswith(head) else None

    return rule


class _Guard(Handler):
    def __init__(self, *args: object, web: Guarded, folders: Mapping[str, Path]) -> None:
        self.guarded = web
        super().__init__(*args, folders=folders, web=web)

    def do_GET(self) -> None:  # noqa: N802
        if self._may():
            super().do_GET()

    def do_HEAD(self) -> None:  # noqa: N802
        if self._may():
            super().do_HEAD()

    def _may(self) -> bool:
        self.guarded.heads.append((f"{self.command} {self.path}", dict(self.headers.items())))
        allowed = self.guarded.rule(self.path, self.headers)
        if allowed is None:
            self._short(401, {"WWW-Authenticate": "Basic"})
            return False
        self.path = allowed
        moved = self.guarded.moved
        if moved:
            self._short(302, {"Location": f"{moved}{allowed}"})
        return not moved

    def _short(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def guarded(
    folders: Mapping[str, Path],
    rule: Rule = everybody,
    *,
    moved: str = "",
    tls: Callable[[ssl.SSLContext], None] | None = None,
) -> Iterator[Guarded]:
    """Serve each folder below its name to who may; moved: send them on to another server. tls: loads a certificate."""
    web = Guarded("", rule=rule, moved=moved)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Guard, web=web, folders=folders))
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # who does not trust us hangs up
    web.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield web
