"""Streams to and from the engine: bodies in bounded memory, answers line by line."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO
from urllib.parse import quote

import docker
import requests

from builder.engine.faults import failure, gone, translated

_BLOCK = 1 << 20
_LONGEST_LINE = 64 << 20
_STALLED = 600.0  # seconds in which the engine must take the next block: a slow disk is no dead engine


class _SourceFailed(Exception):  # noqa: N818  (a signal between two functions, never seen outside)
    """The source of a body raised an OSError."""


class Body:
    """A request body that is sent block by block, and remembers why it could not be read to its end.

    The HTTP libraries would turn an OSError of the source (a package file that vanished) into a connection
    error of the engine's. `failure` tells them apart. A body that ends in an exception leaves the request
    unfinished: the engine sees a broken upload, never a short but whole one.
    """

    def __init__(self, source: BinaryIO | Iterable[bytes]) -> None:
        self._source = source
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks()
        except GeneratorExit:
            raise
        except OSError as error:
            self.failure = error
            raise _SourceFailed from error  # the HTTP libraries take an OSError for their own, or drop it
        except BaseException as error:
            self.failure = error
            raise

    def _blocks(self) -> Iterator[bytes]:
        read = getattr(self._source, "read", None)
        blocks: Iterable[bytes] = iter(lambda: read(_BLOCK), b"") if read else self._source
        for block in blocks:
            if block:
                yield block


def post(
    api: docker.APIClient, path: str, *, params: Sequence[tuple[str, str]], body: Body, doing: str
) -> requests.Response:
    """Send a tar to the engine in chunks and return the open answer, which the caller closes.

    Raises what the body's source raised, EngineError, or BuildError when the engine refuses at once. The
    session is used directly: docker-py's own calls know neither BuildKit nor labels on an import. No time
    limit on the answer: a compiler may be silent for an hour, and a daemon that dies closes the connection.
    """
    try:
        with translated(doing):
            response = api.post(
                f"{api.base_url}/v{api.api_version}{path}",
                params=list(params),
                data=body,
                headers={"Content-Type": "application/tar"},
                stream=True,
                timeout=(_STALLED, None),
            )
    except BaseException:
        if body.failure is not None:
            raise body.failure from None
        raise
    return checked(response, doing)


def attach(api: docker.APIClient, container_id: str, doing: str) -> requests.Response:
    """Attach to a container's output, without an upgrade of the connection: the answer is the stream."""
    with translated(doing):
        response = api.post(
            f"{api.base_url}/v{api.api_version}/containers/{container_id}/attach",
            params={"stream": "1", "stdout": "1", "stderr": "1"},
            stream=True,
            timeout=(_STALLED, None),  # a container may be silent as long as it may run
        )
    return checked(response, doing)


def removed(api: docker.APIClient, container_id: str, doing: str) -> requests.Response:
    """The open answer to `tell me when it is gone`: asked before the start, so that no end is missed."""
    with translated(doing):
        response = api.post(
            f"{api.base_url}/v{api.api_version}/containers/{container_id}/wait",
            params={"condition": "removed"},
            stream=True,
            timeout=(_STALLED, None),
        )
    return checked(response, doing)


def archive(api: docker.APIClient, container_id: str, path: str, doing: str) -> requests.Response | None:
    """The tar of a path in a container, for the caller to read and close; None where there is nothing."""
    response = _tar(api, f"containers/{container_id}/archive", doing, path=path)
    if response.status_code == 404:
        response.close()
        return None
    return checked(response, doing)


def saved(api: docker.APIClient, ref: str, doing: str) -> requests.Response:
    """The archive of an image, for the caller to read and close."""
    return checked(_tar(api, f"images/{quote(ref, safe='/:@')}/get", doing), doing)


def exported(api: docker.APIClient, container_id: str, doing: str) -> requests.Response:
    """The tar of a container's files, for the caller to read and close."""
    return checked(_tar(api, f"containers/{container_id}/export", doing), doing)


def _tar(api: docker.APIClient, what: str, doing: str, **params: str) -> requests.Response:
    with translated(doing):
        return api.get(
            f"{api.base_url}/v{api.api_version}/{what}", params=params, stream=True, timeout=_STALLED
        )


def stat_mode(api: docker.APIClient, container_id: str, path: str, doing: str) -> int | None:
    """The mode of a path in a container as Go's os.FileMode, links not followed; None where there is nothing."""
    with translated(doing):
        response = api.head(
            f"{api.base_url}/v{api.api_version}/containers/{container_id}/archive",
            params={"path": path},
            timeout=_STALLED,
        )
    with response:
        if response.status_code == 404:
            return None
        told = checked(response, doing).headers["X-Docker-Container-Path-Stat"]
    return int(json.loads(base64.b64decode(told))["mode"])


def answer(response: requests.Response, doing: str) -> Iterator[dict[str, Any]]:
    """The JSON lines of a streamed answer as they come. Raises EngineError when the engine goes away."""
    pending = b""
    with translated(doing):
        # chunk_size None: each piece when it arrives, not when a block is full.
        for piece in response.iter_content(chunk_size=None):
            *lines, pending = (pending + piece).split(b"\n")
            if len(pending) > _LONGEST_LINE:
                raise gone(doing, ValueError(f"a line of over {_LONGEST_LINE} bytes"))
            for line in lines:
                yield from _parsed(line, doing)
    yield from _parsed(pending, doing)


def _parsed(line: bytes, doing: str) -> Iterator[dict[str, Any]]:
    if not line.strip():
        return
    try:
        value = json.loads(line)
    except ValueError as error:
        raise gone(doing, error) from error
    if not isinstance(value, dict):
        raise gone(doing, ValueError(f"not an object: {line[:80]!r}"))
    yield value


def error_in(line: dict[str, Any]) -> str | None:
    """The error that a line of a streamed answer carries; the status was 200 long before it."""
    detail = line.get("errorDetail")
    message = detail.get("message") if isinstance(detail, dict) else None
    found = message or line.get("error")
    return None if found is None else str(found)


def checked(response: requests.Response, doing: str) -> requests.Response:
    """The response, when the engine did not refuse at once."""
    if response.status_code < 400:
        return response
    with response, translated(doing):
        try:
            message = str(response.json()["message"])
        except (ValueError, KeyError, TypeError):
            message = response.text or f"HTTP status {response.status_code}"
    raise failure(message, doing)
