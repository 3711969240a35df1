"""What servers, and what stands before them, do wrong: one answer each, drawn by a seed."""

from __future__ import annotations

import gzip
import random
import socket
import struct
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

Fault = Callable[[BaseHTTPRequestHandler, bytes, random.Random], None]
PIECES = 12


def reply(
    handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """An answer of full length; of a HEAD request its head."""
    handler.send_response(code)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def begin(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Promise the whole body, whatever comes of it, and end the connection after it."""
    handler.send_response(200)
    handler.send_header("Content-Type", kind(handler))
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Connection", "close")
    handler.end_headers()


def kind(handler: BaseHTTPRequestHandler) -> str:
    """The type of what was asked for, as the server noted it."""
    return str(vars(handler).get("kind", "application/octet-stream"))


def abort(handler: BaseHTTPRequestHandler) -> None:
    """End the connection as a machine does that goes down: a reset, and what was sent may be lost."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def refused(code: int, retry_after: str = "") -> Fault:
    def fault(handler: BaseHTTPRequestHandler, _body: bytes, _chance: random.Random) -> None:
        headers = {"Retry-After": retry_after} if retry_after else {}
        reply(handler, code, b"<html>not now</html>", headers)

    return fault


def refused_until(handler: BaseHTTPRequestHandler, _body: bytes, _chance: random.Random) -> None:
    when = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=1), usegmt=True)
    reply(handler, 429, b"too many", {"Retry-After": when})


def hang_up(handler: BaseHTTPRequestHandler, _body: bytes, _chance: random.Random) -> None:
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler, _body: bytes, _chance: random.Random) -> None:
    abort(handler)


def cut(handler: BaseHTTPRequestHandler, body: bytes, chance: random.Random) -> None:
    """Go on where it was asked to, and end early, in order or not."""
    start = first_byte(handler, body)
    head(handler, body, start)
    handler.wfile.write(body[start : chance.randrange(start, len(body))])
    if chance.random() < 0.5:
        abort(handler)
    handler.close_connection = True


def cut_without_length(handler: BaseHTTPRequestHandler, body: bytes, chance: random.Random) -> None:
    """As an HTTP/1.0 proxy does: nothing says that it was not all; and it may be kept for a while."""
    handler.send_response(200)
    handler.send_header("Content-Type", kind(handler))
    handler.send_header("Cache-Control", "public, max-age=600")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body[: chance.randrange(len(body))])
    handler.close_connection = True


def dribble(handler: BaseHTTPRequestHandler, body: bytes, chance: random.Random) -> None:
    """All of it, in small pieces."""
    start = first_byte(handler, body)
    head(handler, body, start)
    step = max(1, (len(body) - start) // PIECES)
    for place in range(start, len(body), step):
        handler.wfile.write(body[place : place + step])
        handler.wfile.flush()
        time.sleep(chance.random() * 0.02)
    handler.close_connection = True


def zipped(handler: BaseHTTPRequestHandler, body: bytes, _chance: random.Random) -> None:
    reply(handler, 200, gzip.compress(body, 1), {"Content-Encoding": "gzip"})


def said_to_be_zipped(handler: BaseHTTPRequestHandler, body: bytes, _chance: random.Random) -> None:
    reply(handler, 200, body, {"Content-Encoding": "gzip"})


def login_page(handler: BaseHTTPRequestHandler, _body: bytes, _chance: random.Random) -> None:
    reply(handler, 200, b"<html>Welcome to our network. Please log in.</html>", {"Content-Type": "text/html"})


def flipped(body: bytes, chance: random.Random, most: int | None = None) -> bytes:
    """The body with one bit turned somewhere, in its first `most` bytes."""
    place = chance.randrange(most or len(body))
    return body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]


def one_bit(handler: BaseHTTPRequestHandler, body: bytes, chance: random.Random) -> None:
    """A wheel is turned in its first third: what a resolver reads of it has no hash, and stands at its end."""
    reply(handler, 200, flipped(body, chance, len(body) // 3))


def other_range(handler: BaseHTTPRequestHandler, body: bytes, chance: random.Random) -> None:
    """A part that nobody asked for."""
    start = chance.randrange(1, len(body))
    reply(handler, 206, body[start:], {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})


def no_range(handler: BaseHTTPRequestHandler, body: bytes, _chance: random.Random) -> None:
    """All of it, whatever was asked for."""
    reply(handler, 200, body)


def first_byte(handler: BaseHTTPRequestHandler, body: bytes) -> int:
    asked = handler.headers.get("Range", "")
    first = asked.removeprefix("bytes=").partition("-")[0]
    return int(first) if first.isdigit() and int(first) < len(body) else 0


def head(handler: BaseHTTPRequestHandler, body: bytes, start: int) -> None:
    if not start:
        begin(handler, body)
        return
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    handler.send_header("Content-Length", str(len(body) - start))
    handler.send_header("Connection", "close")
    handler.end_headers()


# Any question may meet these; their answers say that they are none.
ANYWHERE: dict[str, Fault] = {
    "429": refused(429),
    "429 in a second": refused(429, "1"),
    "429 until": refused_until,
    "500": refused(500),
    "502": refused(502),
    "503": refused(503),
    "503 in a second": refused(503, "1"),
    "504": refused(504),
    "hang up": hang_up,
    "reset": reset,
    "cut": cut,
    "dribble": dribble,
}
# An index that is cut without a length cannot be read, where its format has an end: JSON, zstd. HTML has none.
INDEX: dict[str, Fault] = {**ANYWHERE, "cut without length": cut_without_length}
# A file is judged by its sha256.
FILE: dict[str, Fault] = {
    **INDEX,
    "zipped": zipped,
    "said to be zipped": said_to_be_zipped,
    "login page": login_page,
    "one bit": one_bit,
    "other range": other_range,
    "no range": no_range,
}
HEAD: dict[str, Fault] = {name: ANYWHERE[name] for name in ("429", "500", "503", "hang up", "reset")}
