"""An HTTP server on this machine that misbehaves as it is told: cuts, statuses, ranges it ignores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.replying import Replying
from tests.support.threads import running

# What to do with one request: the handler, and the body that was asked for.
Answer = Callable[["Handler", bytes], None]


def whole(handler: Handler, body: bytes) -> None:
    """As a good server does, ranges too."""
    start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if start >= len(body) > 0:
        handler.reply(416, b"")
    elif start:
        handler.reply(206, body[start:], {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})
    else:
        handler.reply(200, body)


def no_ranges(handler: Handler, body: bytes) -> None:
    """The whole body, whatever was asked."""
    handler.reply(200, body)


def status(code: int, **headers: str) -> Answer:
    return lambda handler, _body: handler.reply(
        code, b"no", {k.replace("_", "-"): v for k, v in headers.items()}
    )


def cut_after(count: int) -> Answer:
    """Promise the whole body, send a part, hang up."""

    def answer(handler: Handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:count])
        handler.close_connection = True

    return answer


def stall(release: threading.Event) -> Answer:
    """Send one byte and nothing more until released."""

    def answer(handler: Handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:1])
        handler.wfile.flush()
        release.wait(60)
        handler.close_connection = True

    return answer


class Handler(Replying, BaseHTTPRequestHandler):
    flaky: FlakyServer

    def do_GET(self) -> None:
        self.flaky.answer(self)


@dataclass
class FlakyServer:
    """bodies by path; script: what the next requests of a path meet, then `usual`; seen: path and Range of each."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    script: dict[str, list[Answer]] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    usual: Answer = whole

    def answer(self, handler: Handler) -> None:
        self.seen.append((handler.path, handler.headers.get("Range", "")))
        if handler.path not in self.bodies:
            handler.reply(404, b"")
            return
        planned = self.script.get(handler.path, [])
        (planned.pop(0) if planned else self.usual)(handler, self.bodies[handler.path])


@contextmanager
def flaky_server() -> Iterator[FlakyServer]:
    flaky = FlakyServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"flaky": flaky}))
    server.daemon_threads = True
    flaky.url = f"http://127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield flaky
