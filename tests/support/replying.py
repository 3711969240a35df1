"""What small servers of the tests have in common."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler


class Replying(BaseHTTPRequestHandler):
    """Whole replies with their length, and no log."""

    def reply(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass
