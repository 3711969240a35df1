"""A file on a server, read in pieces: of a wheel of 900 MB, some 20 MB say all that a table wants to know.

Pieces come by HTTP range requests. A server that does not know them sends the whole file, which is then kept in a
temporary one until this one is closed.
"""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path
from typing import IO

import requests

from builder.errors import BuildError
from builder.network.credentials import login_advice
from builder.network.redact import public
from builder.network.session import Session
from builder.settings.patience import Policy, patiently
from builder.store.cache import CHUNK, trouble
from builder.store.download import CUT, fault_of
from builder.store.transfer import AGAIN, Cut

_TAIL = 1 << 16  # bytes; most central directories are shorter
_LEAST, _MOST = 1 << 16, 1 << 22  # bytes that are asked for at once; the piece grows while reading goes on
_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_FIX = "run it again; if it stays so, tell those who run the index"


class RemoteFile(io.RawIOBase):
    """A seekable, readable file at a URL; fetched counts the bytes that came. Raises BuildError when they do not."""

    def __init__(self, session: Session, url: str, policy: Policy) -> None:
        super().__init__()
        self.session, self.url, self.policy = session, url, policy
        self.fetched = 0
        self._at = self._start = 0
        self._piece = _LEAST
        self._whole: IO[bytes] | None = None
        self._buffer = b""
        self._size = self._first()

    def close(self) -> None:
        """Let go of the temporary file, where there is one."""
        if self._whole is not None:
            self._whole.close()
        super().close()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files do."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, fewer at the end of the file."""
        left = max(0, self._size - self._at)
        count = left if size < 0 else min(size, left)
        if not count:
            return b""
        if self._whole is None and not self._has(count):
            self._fill(count)  # which may find out that there are no pieces
        if self._whole is not None:
            self._whole.seek(self._at)
            data = self._whole.read(count)
        else:
            begin = self._at - self._start
            data = self._buffer[begin : begin + count]
        self._at += len(data)
        return data

    def _has(self, count: int) -> bool:
        return self._start <= self._at <= self._at + count <= self._start + len(self._buffer)

    def _fill(self, count: int) -> None:
        goes_on = self._at == self._start + len(self._buffer)
        self._piece = min(2 * self._piece, _MOST) if goes_on else _LEAST
        end = min(self._size, self._at + max(count, self._piece))
        self._buffer, self._start, total = self._ask(f"{self._at}-{end - 1}")
        sent = (total, self._start, len(self._buffer))
        if self._whole is None and sent != (self._size, self._at, end - self._at):
            what = "the server sent another piece than was asked for"
            raise BuildError(what, where=public(self.url), fix=_FIX)

    def _first(self) -> int:
        """The last piece, where the directory of an archive lies. Returns the file's size."""
        self._buffer, self._start, total = self._ask(f"-{_TAIL}")
        return total

    def _ask(self, span: str) -> tuple[bytes, int, int]:
        try:
            return patiently(
                lambda _failed: self._answer(span), lambda error: isinstance(error, Cut), self.policy
            )
        except Cut as cut:
            raise BuildError(f"cannot read {self._name}: {cut}", where=public(self.url), fix=_FIX) from cut

    @property
    def _name(self) -> str:
        return self.url.rpartition("/")[2]

    def _answer(self, span: str) -> tuple[bytes, int, int]:
        """(bytes, where they begin, size of the file)."""
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={span}"} if span else {})}
        timeout = (self.policy.connect, self.policy.read)
        try:
            with self.session.get(self.url, headers=headers, timeout=timeout, stream=True) as answer:
                if answer.status_code == 206:
                    return self._part(answer)
                if answer.status_code == 200:
                    return self._keep(answer)
                status = answer.status_code
        except (*CUT, requests.RequestException) as error:
            raise fault_of(error, self._name, public(self.url)) from error
        if status in AGAIN:
            raise Cut(f"the server answered {status}")
        if status == 416 and span.startswith("-"):  # it knows ranges, and not those that count from the end
            return self._answer("")
        fix = login_advice(self.url) if status in {401, 403} else _FIX
        raise BuildError(
            f"cannot read {self._name}: the server answered {status}", where=public(self.url), fix=fix
        )

    def _part(self, answer: requests.Response) -> tuple[bytes, int, int]:
        told = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        data = answer.content
        if told is None or len(data) != int(told[2]) - int(told[1]) + 1:
            raise Cut("the server sent a piece and not the whole of it")
        self.fetched += len(data)
        return data, int(told[1]), int(told[3])

    def _keep(self, answer: requests.Response) -> tuple[bytes, int, int]:
        """The server knows no ranges: all of the file, in a temporary one."""
        promised = answer.headers.get("Content-Length")
        whole = tempfile.TemporaryFile(prefix="imgbuild-")  # noqa: SIM115  (closed with this file)
        try:
            for piece in answer.iter_content(CHUNK):
                whole.write(piece)
            size = whole.tell()
        except OSError as error:
            whole.close()
            if isinstance(error, requests.RequestException):
                raise
            raise trouble(error, Path(tempfile.gettempdir())) from error
        self.fetched += size
        if promised is not None and int(promised) != size:
            whole.close()
            raise Cut("the connection was cut")
        self._whole = whole
        return b"", 0, size
