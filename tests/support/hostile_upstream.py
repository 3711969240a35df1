"""A conda channel, a wheel index and an installer on one server of this machine that misbehaves by a seed.

Every path draws its own faults, so that what a run meets depends on the seed and not on the order of requests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.support.hostile_faults import ANYWHERE, FILE, HEAD, INDEX, Fault, flipped, reply
from tests.support.threads import running

JSON = "application/vnd.pypi.simple.v1+json"
WRONG, ENDLESS = ("login page", "one bit"), ("cut without length",)
# Faults in a row at one path. uv and rattler wait a second and more before they ask again, and no setting shortens it:
# what they ask for meets fewer, so that many runs fit into a night.
OURS = (0, 0, 0, 1, 1, 1, 2, 2, 3, 4)
THEIRS = (0, 0, 0, 0, 0, 0, 0, 0, 1, 2)


@dataclass(frozen=True)
class Secrets:
    """What the server demands: a conda token in the path, and a name with a password for all else."""

    token: str
    user: str
    password: str

    @property
    def basic(self) -> str:
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass
class Hostile:
    """files by path, such as `/conda/lab/noarch/repodata.json`; wheels are listed below `/simple/`.

    seed: None misbehaves never. corrupt: a file that always comes with one wrong bit. dead: one that never comes.
    script: faults that the next requests of a path meet. public: paths that everybody gets. met: path and fault of
    each misbehaviour; asked: every request's method and path, tokens taken out; refused: paths that were asked for
    without the credentials.
    """

    files: Mapping[str, bytes]
    seed: str | None = None
    secrets: Secrets | None = None
    corrupt: str = ""
    dead: str = ""
    script: dict[str, list[str]] = field(default_factory=dict)
    as_json: bool = True
    public: tuple[str, ...] = ()
    url: str = ""
    met: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _planned: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path, token = without_token(unquote(urlsplit(handler.path).path))
        self.asked.append(f"{handler.command} {path}")
        if not self._allowed(path, token, handler):
            self.refused.append(path)
            reply(handler, 401, b"who are you?", {"WWW-Authenticate": 'Basic realm="lab"'})
            return
        found = self._body(path, handler)
        if found is None:
            reply(handler, 404, b"")
            return
        body, kind = found
        vars(handler)["kind"] = kind
        name, fault, chance = self._next(handler, path)
        if fault is not None:
            self.met.append((path, name))
            fault(handler, body, chance)
        else:
            good(handler, body, kind)

    def _allowed(self, path: str, token: str, handler: BaseHTTPRequestHandler) -> bool:
        if self.secrets is None or path in self.public:
            return True
        if path.startswith("/conda/") and token:
            return token == self.secrets.token
        return handler.headers.get("Authorization") in {
            f"Basic {self.secrets.basic}",
            f"Bearer {self.secrets.token}",
        }

    def _body(self, path: str, handler: BaseHTTPRequestHandler) -> tuple[bytes, str] | None:
        if path.startswith("/simple/"):
            return self._page(path.removeprefix("/simple/").strip("/"), handler)
        body = self.files.get(path)
        if body is None:
            return None
        return (self.wrong(path) if path == self.corrupt else body), "application/octet-stream"

    def wrong(self, path: str) -> bytes:
        """The file with one wrong bit, always the same; a wheel's is not in what a resolver reads of it."""
        body = self.files[path]
        most = len(body) // 3 if path.endswith(".whl") else len(body)
        return flipped(body, random.Random(f"{self.seed} {path} for ever"), most)

    def _page(self, name: str, handler: BaseHTTPRequestHandler) -> tuple[bytes, str] | None:
        wheels = [
            (path, body)
            for path, body in sorted(self.files.items())
            if path.startswith(f"/packages/{name.replace('-', '_')}-") and path.endswith(".whl")
        ]
        if not wheels:
            return None
        rows = [(path, hashlib.sha256(body).hexdigest(), len(body)) for path, body in wheels]
        if self.as_json and JSON in handler.headers.get("Accept", ""):
            files = [
                {"filename": path.rpartition("/")[2], "url": path, "hashes": {"sha256": digest}, "size": size}
                for path, digest, size in rows
            ]
            return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files}).encode(), JSON
        links = [f'<a href="{path}#sha256={digest}">{path[10:]}</a>' for path, digest, _size in rows]
        return f"<!DOCTYPE html><html><body>{'<br>'.join(links)}</body></html>".encode(), "text/html"

    def _next(self, handler: BaseHTTPRequestHandler, path: str) -> tuple[str, Fault | None, random.Random]:
        """The fault that this request meets, if any, and the chance that it draws from."""
        if path == self.dead:
            return "503", ANYWHERE["503"], random.Random(0)
        if handler.command == "GET" and self.script.get(path):
            name = self.script[path].pop(0)
            return name, FILE[name], random.Random(0)
        if self.seed is None:
            return "", None, random.Random(0)
        ours = "requests" in handler.headers.get("User-Agent", "") and "repodata" not in path
        kinds = self._kinds(handler.command, path, ours)
        key = f"{self.seed} {handler.command} {path} {'for us' if ours else 'for a resolver'}"
        with self._lock:
            if key not in self._planned:
                chance = random.Random(key)
                count = chance.choice(OURS if ours else THEIRS)
                self._planned[key] = once_wrong(chance.choice(sorted(kinds)) for _ in range(count))
            planned = self._planned[key]
            name = planned.pop(0) if planned else ""
            if path == self.corrupt and name in WRONG:  # wrong in one way is enough, and its hash is known
                name = "503"
            return name, kinds.get(name), random.Random(f"{key} {name} {len(planned)}")

    def _kinds(self, method: str, path: str, ours: bool) -> Mapping[str, Fault]:
        if method == "HEAD":
            return HEAD
        if ours:
            return FILE
        # A wheel that a resolver reads a part of has no hash yet, and a page of HTML has no end.
        readable = "repodata" in path or "/shards/" in path or (path.startswith("/simple/") and self.as_json)
        return INDEX if readable else ANYWHERE


def once_wrong(names: Iterable[str]) -> list[str]:
    """The faults with one whole wrong body at most, and one that ends who knows where: a second one is a refusal's."""
    found: list[str] = []
    for name in names:
        family = next((one for one in (WRONG, ENDLESS) if name in one), ())
        found.append("503" if any(one in family for one in found) else name)
    return found


def without_token(path: str) -> tuple[str, str]:
    """`/conda/t/TOKEN/lab` or `/t/TOKEN/conda/lab`: the path without the token, and the token."""
    before, mark, rest = path.partition("/t/")
    if not mark:
        return path, ""
    token, _, after = rest.partition("/")
    return f"{before}/{after}", token


def good(handler: BaseHTTPRequestHandler, body: bytes, kind: str) -> None:
    """As a good server does: ranges, types, a tag."""
    headers = {
        "Content-Type": kind,
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"',
        "Accept-Ranges": "bytes",
    }
    first, dash, last = handler.headers.get("Range", "").removeprefix("bytes=").partition("-")
    if not dash or not first:
        reply(handler, 200, body, headers)
        return
    start, end = int(first), min(int(last) + 1 if last else len(body), len(body))
    if start >= len(body):
        reply(handler, 416, b"", {"Content-Range": f"bytes */{len(body)}"})
        return
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
    reply(handler, 206, body[start:end], headers)


class Handler(BaseHTTPRequestHandler):
    """Connections that are kept, as real servers have them."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, hostile: Hostile) -> None:
        self.hostile = hostile
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        try:
            self.hostile.answer(self)
        except (ConnectionError, ValueError):  # the client left, or we hung up on it
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, *_args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Threads that end with the program, and no words about clients that left."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, _request: object, _address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


@contextmanager
def hostile_upstream(hostile: Hostile) -> Iterator[Hostile]:
    """Run it; its `url` has no slash at its end."""
    server = Server(("127.0.0.1", 0), partial(Handler, hostile=hostile))
    hostile.url = f"http://127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield hostile
