"""A registry that answers as a test tells it, on loopback, with every request written down. Token servers too."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.threads import running

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Asked:
    """One request."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


@dataclass(frozen=True)
class Reply:
    """What is answered; promised: a Content-Length that is not kept."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None


Rule = Callable[[Asked], Reply | None]


@dataclass
class FakeRegistry:
    """pages: what lies at each path. first: planned answers, before all else. rule: who may; None lets them in.
    knocks: the rule is for `/v2/` as well, as the engine wants it, which takes the challenge from there alone."""

    host: str = ""
    url: str = ""
    pages: dict[str, Reply] = field(default_factory=dict)
    first: list[Reply] = field(default_factory=list)
    rule: Rule = field(default=lambda _asked: None)
    asked: list[Asked] = field(default_factory=list)
    knocks: bool = False

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.first:
            return self.first.pop(0)
        path = asked.line.split(" ")[1].partition("?")[0]
        if path == "/v2/" and not self.knocks:
            return Reply(200, b"{}")
        return self.rule(asked) or self.serve(asked)

    def serve(self, asked: Asked) -> Reply:
        """What lies there, for who may have it."""
        path = asked.line.split(" ")[1].partition("?")[0]
        return self.pages.get(path) or Reply(404, errors("MANIFEST_UNKNOWN", "unknown"))

    @property
    def lines(self) -> list[str]:
        """`GET /v2/...` of each request but the first knock."""
        return [one.line for one in self.asked if one.line != "GET /v2/"]

    def blob(self, repository: str, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.pages[f"/v2/{repository}/blobs/{digest}"] = Reply(200, body)
        return digest

    def manifest(self, repository: str, document: object, kind: str, *tags: str) -> str:
        body = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        reply = Reply(200, body, {"Content-Type": kind, "Docker-Content-Digest": digest})
        for name in (digest, *tags):
            self.pages[f"/v2/{repository}/manifests/{name}"] = reply
        return digest

    def image(self, repository: str, *tags: str, platform: str = "linux/amd64", **config: Any) -> str:
        """An image of one layer; its manifest's digest. config: `Env`, `Labels`."""
        system, architecture = platform.split("/")[:2]
        document = {"os": system, "architecture": architecture, "config": config}
        body = json.dumps(document).encode()
        layers = [{"digest": f"sha256:{'a' * 64}", "size": 1234, "mediaType": "layer"}]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"digest": self.blob(repository, body), "size": len(body), "mediaType": "config"},
            "layers": layers,
        }
        return self.manifest(repository, manifest, MANIFEST, *tags)

    def index(self, repository: str, tag: str, entries: Mapping[str, str]) -> str:
        """An index of digests by platform."""
        rows = []
        for platform, digest in entries.items():
            names = zip(("os", "architecture", "variant"), platform.split("/"), strict=False)
            rows.append({"digest": digest, "size": 1, "mediaType": MANIFEST, "platform": dict(names)})
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}
        return self.manifest(repository, document, INDEX, tag)


def errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def wants(challenge: str, *good: str) -> Rule:
    """Only with one of these Authorization headers."""

    def rule(asked: Asked) -> Reply | None:
        if asked.authorization in good:
            return None
        return Reply(401, errors("UNAUTHORIZED", "authentication required"), {"WWW-Authenticate": challenge})

    return rule


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: FakeRegistry

    def do_GET(self) -> None:
        body = self._body()
        headers = dict(self.headers.items())
        reply = self.site.answer(Asked(f"{self.command} {self.path}", headers, body))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        length = len(reply.body) if reply.promised is None else reply.promised
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        if length != len(reply.body):
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def fake_registry(tls: Callable[[ssl.SSLContext], None] | None = None) -> Iterator[FakeRegistry]:
    """Serve until the context ends. tls: loads a certificate into the server's context."""
    site = FakeRegistry()
    with serving(site, tls):
        yield site


@contextmanager
def serving(site: FakeRegistry, tls: Callable[[ssl.SSLContext], None] | None = None) -> Iterator[None]:
    """Let this registry answer on loopback until the context ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"site": site}))
    server.daemon_threads = True
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # who does not trust us hangs up
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.host = f"127.0.0.1:{server.server_address[1]}"
    site.url = f"{'https' if tls else 'http'}://{site.host}"
    with running(server):
        yield
