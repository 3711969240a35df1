"""The answer to a build, line by line: what ends it, and how each end is told."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from builder.engine.build import _follow
from builder.engine.buildkit import BuildProgress
from builder.engine.streams import Body, _SourceFailed
from builder.engine.trace import Vertex
from builder.errors import BuildError, EngineError, ImgbuildError
from builder.progress import Event, Note, StepStarted
from tests.unit.engine.test_trace import data, vertex_bytes


class Response:
    def __init__(self, pieces: list[bytes], end: Exception | None = None) -> None:
        self._pieces = pieces
        self._end = end

    def iter_content(self, chunk_size: int | None) -> Iterator[bytes]:
        assert chunk_size is None
        yield from self._pieces
        if self._end is not None:
            raise self._end


def follow(*lines: Any, end: Exception | None = None, size: int | None = None) -> tuple[str, list[Event]]:
    whole = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\r\n" for line in lines
    )
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)] if size else [whole]
    events: list[Event] = []
    response: Any = Response(pieces, end)
    return _follow(response, "building x", BuildProgress(events.append), events.append), events


def trace(*vertexes: Vertex) -> dict[str, str]:
    raw = b"".join(data(1, vertex_bytes(vertex)) for vertex in vertexes)
    return {"id": "moby.buildkit.trace", "aux": base64.b64encode(raw).decode()}


IMAGE = {"id": "moby.image.id", "aux": {"ID": "sha256:1"}}


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_the_image_id_comes_out_however_the_answer_is_cut(size: int) -> None:
    image_id, events = follow(
        trace(Vertex("a", "RUN x", started=1.0)), IMAGE, {"stream": "tagged\n"}, size=size
    )
    assert image_id == "sha256:1"
    assert events == [StepStarted("build", "build:a", "RUN x")]


def test_a_trace_that_cannot_be_read_is_noted_once_and_the_build_goes_on() -> None:
    bad = {"id": "moby.buildkit.trace", "aux": "!!!"}
    image_id, events = follow(bad, bad, IMAGE)
    assert image_id == "sha256:1"
    assert [type(event) for event in events] == [Note]


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ((), None),
        (({"stream": "x"},), None),
        (({"id": "moby.image.id", "aux": None},), None),
        ((b"not json\n",), None),
        ((b"[1]\n",), None),
        ((b'{"id": "moby.image.id", "au',), None),
        ((IMAGE,), requests.exceptions.ChunkedEncodingError("cut")),
        ((), ConnectionResetError(104, "reset")),
        ((), requests.exceptions.ReadTimeout("slow")),
    ],
)
def test_an_answer_that_breaks_off_is_the_engines_fault(
    lines: tuple[Any, ...], end: Exception | None
) -> None:
    with pytest.raises(EngineError, match="while building x"):
        follow(*lines, end=end)


@pytest.mark.parametrize(
    ("message", "kind", "mend"),
    [
        ("write /x: no space left on device", BuildError, "docker system df"),
        ("pull access denied, repository does not exist", BuildError, "docker login"),
        ("buildkit is not enabled on daemon", EngineError, "daemon.json"),
        ("dockerfile parse error line 3", BuildError, ""),
        ("", BuildError, ""),
    ],
)
def test_the_engines_error_is_told_with_its_mend(message: str, kind: type[ImgbuildError], mend: str) -> None:
    with pytest.raises(kind) as caught:
        follow({"errorDetail": {"message": message}, "error": message})
    assert mend in caught.value.fix


def test_a_failed_step_is_told_by_name_and_code() -> None:
    error = "process did not complete successfully: exit code: 137"
    broken = Vertex("a", "[2/2] RUN x", started=1.0, completed=2.0, error=error)
    with pytest.raises(BuildError, match=r"the step \[2/2\] RUN x ended with exit code 137") as caught:
        follow(trace(broken), {"errorDetail": {"message": f"failed to solve: {error}"}})
    assert "memory" in caught.value.fix


def test_a_body_tells_its_own_failure_from_the_networks() -> None:
    error = FileNotFoundError("a.conda")

    def source() -> Iterator[bytes]:
        yield b""
        yield b"x"
        raise error

    body = Body(source())
    pieces = iter(body)
    assert next(pieces) == b"x"
    with pytest.raises(_SourceFailed) as caught:
        next(pieces)
    assert not isinstance(caught.value, OSError)
    assert body.failure is error
