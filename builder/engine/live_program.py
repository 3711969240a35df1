"""A user's program while it runs: attached to, fed, signalled, waited for.

Input and output are two connections. The one for input is closed to say that there is no more to read: half of a
connection cannot be closed over TLS, nor over SSH.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import docker
import docker.errors
import requests

from builder.engine.attended import ProgramSpec
from builder.engine.faults import gone, translated
from builder.engine.output import parted
from builder.engine.streams import attach, removed
from builder.errors import BuildError, EngineError, ImgbuildError

# Docker's own way to let go of a terminal begins with Ctrl-P, and would keep that key from shells and editors.
_NO_DETACH = ",".join(["ctrl-^"] * 8)
_PIECE = 1 << 16

log = logging.getLogger(__name__)


class NotStartedError(EngineError):
    """The engine did not start a program. program_code: 127 when there is no such program in the image, 126 when
    it cannot be run, 125 for everything else."""

    def __init__(self, error: ImgbuildError) -> None:
        super().__init__(error.what, where=error.where, fix=error.fix, detail=error.detail)
        said = error.what.lower()
        missing = "executable file not found" in said or "no such file or directory" in said
        refused = "permission denied" in said or "is a directory" in said
        ours = "exec:" in said  # the runtime's words about the program, and not about a mount or a device
        self.program_code = (127 if missing else 126 if refused else 125) if ours else 125
        if "port is already allocated" in said or "address already in use" in said:
            self.fix = "publish another port, or end what listens there"


def unless_over(act: Callable[[], object]) -> None:
    """Quietly where the container has ended, is gone, or is being removed."""
    try:
        act()
    except docker.errors.APIError as error:
        # 500: the runtime looks for a process that ended just now
        if error.status_code not in {404, 409} and "not running" not in str(error).lower():
            raise
        log.debug("it ended just now: %s", str(error))


@contextmanager
def started(spec: ProgramSpec) -> Iterator[None]:
    """Raise NotStartedError for what the engine refuses in the block."""
    try:
        with translated(f"starting {spec.image}"):
            yield
    except BuildError as error:
        raise NotStartedError(error) from error


def _socket(stream: Any) -> Any:
    """What docker-py gives is a file around a socket, a TLS socket, or a channel of SSH."""
    return getattr(stream, "_sock", stream)


class SdkProgram:
    """The Program of the port."""

    def __init__(self, api: docker.APIClient, container_id: str, spec: ProgramSpec) -> None:
        self._api = api
        self._id = container_id
        self._spec = spec
        self._doing = f"running {spec.image}"
        self._input: Any = None
        self._response: requests.Response | None = None
        self._ended: requests.Response | None = None

    def start(self) -> None:
        """Attach first, so that not a byte and not the end is missed."""
        self._response = attach(self._api, self._id, self._doing)
        if self._spec.stdin:
            self._input = self._attached_input()
        self._ended = removed(self._api, self._id, self._doing)
        with started(self._spec):
            self._api.start(self._id)

    def _attached_input(self) -> Any:
        params = {"stdin": 1, "stream": 1, "detachKeys": _NO_DETACH}
        with translated(self._doing):
            stream = self._api.attach_socket(self._id, params=params)
        _socket(stream).settimeout(None)  # a program may be slow to read
        return stream

    def output(self) -> Iterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """What it writes as it comes, to its end."""
        response = self._open(self._response)
        with translated(self._doing):
            if self._spec.tty:
                while piece := response.raw.read1(_PIECE):
                    yield "stdout", piece
            else:
                for stream, piece in parted(response):
                    yield "stderr" if stream == 2 else "stdout", piece

    def write(self, data: bytes) -> None:
        """Give it more to read."""
        if self._input is None:
            raise BrokenPipeError("the input was closed")
        _socket(self._input).sendall(data)

    def end_input(self) -> None:
        """There is no more to read."""
        stream, self._input = self._input, None
        if stream is not None:
            try:
                _socket(stream).shutdown(socket.SHUT_WR)
            except OSError as error:
                log.debug("the input was closed before: %s", error)
            getattr(
                stream, "_response", stream
            ).close()  # the answer closes the file that docker-py made of it

    def signal(self, name: str) -> None:
        """Send a signal."""
        with translated(f"sending {name}"):
            unless_over(lambda: self._api.kill(self._id, signal=name))

    def resize(self, rows: int, columns: int) -> None:
        """Its terminal has this size now."""
        with translated("setting the size of a terminal"):
            unless_over(lambda: self._api.resize(self._id, height=rows, width=columns))

    def wait(self) -> int:
        """Wait until it has ended and its container is gone."""
        doing = f"waiting for {self._spec.image}"
        response = self._open(self._ended)
        with translated(doing):
            body = response.content
        try:
            told = json.loads(body)
            failed, code = (told.get("Error") or {}).get("Message"), int(told["StatusCode"])
        except (ValueError, KeyError, TypeError) as error:
            raise gone(doing, error) from error
        if failed:
            log.debug("the engine says of the end: %s", failed)
        return code

    def close(self) -> None:
        """Close the connections."""
        self.end_input()
        for response in (self._response, self._ended):
            if response is not None:
                response.close()

    @staticmethod
    def _open(response: requests.Response | None) -> requests.Response:
        if response is None:
            raise RuntimeError("the program was not started")
        return response
