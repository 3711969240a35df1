"""The output of a running container, read while it runs, of which the last part is kept.

The container logs to nobody (log driver `none`): one that prints gigabytes fills neither the engine's disk
nor this program's memory.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections import deque
from collections.abc import Iterator

import requests

from builder.engine.faults import translated
from builder.engine.lines import clean_text
from builder.errors import ImgbuildError

KEPT = 1 << 20  # bytes

log = logging.getLogger(__name__)


class Tail:
    """The last KEPT bytes of what is added, and whether there was more."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self.dropped = 0

    def add(self, piece: bytes) -> None:
        """Take more output."""
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) >= KEPT:
            gone = len(self._pieces.popleft())
            self._size -= gone
            self.dropped += gone

    def text(self) -> str:
        """What is kept, cleaned for showing; its head says so when something was left out."""
        data = b"".join(self._pieces)
        left_out = self.dropped + max(0, len(data) - KEPT)
        text = clean_text(data[-KEPT:])
        return f"[{left_out} bytes of output before this were left out]\n{text}" if left_out else text


def frames(response: requests.Response) -> Iterator[bytes]:
    """The payloads of an attached stream, of both kinds of output in one."""
    return (piece for _, piece in parted(response))


def parted(response: requests.Response) -> Iterator[tuple[int, bytes]]:
    """(1 for stdout, 2 for stderr; payload): eight bytes of header (stream, three zeros, size), then the data.

    An attach without an upgrade of the connection is a plain answer that ends with the container.
    """
    while True:
        head = response.raw.read(8)
        if len(head) < 8:
            return
        stream, size = struct.unpack(">B3xL", head)
        yield stream, response.raw.read(size)


class Reader:
    """Reads an attached answer in a thread of its own until it ends, and closes it."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._tail = Tail()
        self._problem = ""
        self._thread = threading.Thread(target=self._read, name="imgbuild-output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            with self._response, translated("reading a container's output"):
                for piece in frames(self._response):
                    self._tail.add(piece)
        except ImgbuildError as error:  # whoever waits for the container meets the same, and raises it
            self._problem = str(error)
            log.debug("output ended early: %s", self._problem)

    def join(self, seconds: float) -> None:
        """Wait for the end of the stream; it ends when the container is removed, if not before."""
        self._thread.join(seconds)

    def text(self, seconds: float) -> str:
        """All output, when the stream ends within `seconds`; else what came so far, saying so."""
        self.join(seconds)
        unfinished = (
            "[the rest of the output did not arrive]" if self._thread.is_alive() or self._problem else ""
        )
        return "\n".join(filter(None, (self._tail.text(), unfinished)))
