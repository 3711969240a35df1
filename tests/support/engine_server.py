"""A socket that answers as some engine would: for engines that nobody has at hand."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

DOCKER: dict[str, Any] = {
    "Version": "20.10.24",
    "ApiVersion": "1.41",
    "Os": "linux",
    "Arch": "amd64",
    "Components": [{"Name": "Engine"}],
}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False
    block_on_close = True


@contextmanager
def engine_at(path: Path, answer: bytes | dict[str, Any], status: int = 200) -> Iterator[list[str]]:
    """Listen at path; answer every request with a JSON document, or with raw bytes. Yields the requests."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            seen.append(f"{self.command} {self.path}")
            self.close_connection = True
            if isinstance(answer, bytes):
                self.wfile.write(answer)
                return
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = _answer  # noqa: N815  (the base class's name)

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with _Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()
