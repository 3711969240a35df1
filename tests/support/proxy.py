"""A forward proxy on loopback: CONNECT and absolute URLs, with a password where one is set; it notes who asked."""

from __future__ import annotations

import base64
import select
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.support.threads import running


@dataclass
class Proxy:
    """asked: each request line's method and target. route: a name -> where it is in truth."""

    url: str = ""
    password: str = ""
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    route: dict[str, tuple[str, int]] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _may(self) -> bool:
        pair = base64.b64encode(f"me:{self.proxy.password}".encode()).decode()
        if not self.proxy.password or self.headers.get("Proxy-Authorization") == f"Basic {pair}":
            self.proxy.asked.append(f"{self.command} {self.path}")
            return True
        self.proxy.refused.append(self.path)
        self.send_response(407)
        self.send_header("Proxy-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def do_CONNECT(self) -> None:
        if not self._may():
            return
        name, _, port = self.path.partition(":")
        with socket.create_connection(self.proxy.route.get(name, (name, int(port)))) as far:
            self.send_response(200)
            self.end_headers()
            both = [self.connection, far]
            while True:
                for ready in select.select(both, [], [], 20)[0] or [None]:
                    data = ready.recv(65536) if ready is not None else b""
                    if not data:
                        self.close_connection = True
                        return
                    (far if ready is self.connection else self.connection).sendall(data)

    def do_GET(self) -> None:
        if not self._may():
            return
        parts = urlsplit(self.path)
        host, port = self.proxy.route.get(parts.hostname or "", (parts.hostname or "", parts.port or 80))
        heads = {key: value for key, value in self.headers.items() if not key.lower().startswith("proxy-")}
        request = urllib.request.Request(
            f"http://{host}:{port}{parts.path}", headers=heads, method=self.command
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
            error.close()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def forward_proxy(password: str = "") -> Iterator[Proxy]:
    proxy = Proxy(password=password)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]
    user = f"me:{password}@" if password else ""
    proxy.url = f"http://{user}127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield proxy
