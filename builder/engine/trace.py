"""The progress that BuildKit reports, decoded from the protobuf wire format by hand.

`POST /build?version=2` answers with `moby.buildkit.v1.StatusResponse` messages. Four message types with a few
fields each do not justify a protobuf runtime and generated code. Input that is cut short or hostile becomes a
Malformed value: progress is for people, and must never stop a build.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_FIELDS = 200_000  # of one message: a real one holds a few hundred

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Vertex:
    """One step of the build graph. Times are seconds since the epoch; None: not yet."""

    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    cached: bool = False
    started: float | None = None
    completed: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class VertexStatus:
    """How far a part of a step is, as `current` of `total` (0: not known)."""

    vertex: str
    id: str = ""
    name: str = ""
    current: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class VertexLog:
    """Output of a step as it came: not cut at line ends, not always UTF-8. stream 1 is stdout, 2 stderr."""

    vertex: str
    stream: int = 1
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class VertexWarning:
    """A remark of the builder about a step."""

    vertex: str
    short: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """One StatusResponse."""

    vertexes: tuple[Vertex, ...] = ()
    statuses: tuple[VertexStatus, ...] = ()
    logs: tuple[VertexLog, ...] = ()
    warnings: tuple[VertexWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Malformed:
    """Input that is no StatusResponse, and why."""

    reason: str


class _WireError(ValueError):
    """The bytes break the wire format. Never leaves this module."""


class _Fields:
    """The fields of one message by number, as the wire has them: int or bytes, repeated ones in order."""

    def __init__(self, data: bytes) -> None:
        self._values: dict[int, list[int | bytes]] = {}
        for number, value in _fields(data):
            self._values.setdefault(number, []).append(value)

    def many(self, number: int) -> tuple[bytes, ...]:
        """All values of a length-delimited field."""
        values = self._values.get(number, [])
        found = tuple(value for value in values if isinstance(value, bytes))
        if len(found) != len(values):
            raise _WireError(f"field {number} is a number where bytes belong")
        return found

    def one(self, number: int) -> bytes | None:
        """The last value of a length-delimited field: protobuf lets the last one win."""
        values = self.many(number)
        return values[-1] if values else None

    def text(self, number: int) -> str:
        """A string field; what is not UTF-8 is replaced."""
        return (self.one(number) or b"").decode("utf-8", "replace")

    def number(self, number: int) -> int:
        """An int64 field."""
        value = self._values.get(number, [0])[-1]
        if not isinstance(value, int):
            raise _WireError(f"field {number} is bytes where a number belongs")
        return value - (1 << 64) if value >= 1 << 63 else value

    def time(self, number: int) -> float | None:
        """A google.protobuf.Timestamp field, in seconds since the epoch."""
        data = self.one(number)
        if data is None:
            return None
        stamp = _Fields(data)
        return stamp.number(1) + stamp.number(2) / 1e9


def decode_line(aux: object) -> Status | Malformed:
    """Decode the `aux` of a `moby.buildkit.trace` line: base64 of a StatusResponse."""
    if not isinstance(aux, str):
        return Malformed(f"a trace is text in base64, not {type(aux).__name__}")
    try:
        return decode(base64.b64decode(aux, validate=True))
    except (binascii.Error, ValueError) as error:
        return Malformed(f"not base64: {error}")


def decode(data: bytes) -> Status | Malformed:
    """Decode a StatusResponse. Never raises, and takes time linear in the length of data."""
    try:
        message = _Fields(data)
        return Status(
            vertexes=tuple(map(_vertex, message.many(1))),
            statuses=tuple(map(_status, message.many(2))),
            logs=tuple(map(_log, message.many(3))),
            warnings=tuple(map(_warning, message.many(4))),
        )
    except _WireError as error:
        return Malformed(str(error))


def _vertex(data: bytes) -> Vertex:
    fields = _Fields(data)
    return Vertex(
        digest=fields.text(1),
        inputs=tuple(value.decode("utf-8", "replace") for value in fields.many(2)),
        name=fields.text(3),
        cached=bool(fields.number(4)),
        started=fields.time(5),
        completed=fields.time(6),
        error=fields.text(7),
    )


def _status(data: bytes) -> VertexStatus:
    fields = _Fields(data)
    return VertexStatus(
        id=fields.text(1),
        vertex=fields.text(2),
        name=fields.text(3),
        current=fields.number(4),
        total=fields.number(5),
    )


def _log(data: bytes) -> VertexLog:
    fields = _Fields(data)
    return VertexLog(vertex=fields.text(1), stream=fields.number(3), data=fields.one(4) or b"")


def _warning(data: bytes) -> VertexWarning:
    fields = _Fields(data)
    return VertexWarning(vertex=fields.text(1), short=fields.text(3))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Walk a message. Every round moves at least one byte on, so the walk ends."""
    at = 0
    for _ in range(_MAX_FIELDS):
        if at >= len(data):
            return
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise _WireError(f"field number 0 at byte {at}")
        value, at = _value(data, at, kind)
        yield number, value
    if at < len(data):
        raise _WireError(f"more than {_MAX_FIELDS} fields")


def _value(data: bytes, at: int, kind: int) -> tuple[int | bytes, int]:
    if kind == _VARINT:
        return _varint(data, at)
    if kind == _BYTES:
        size, at = _varint(data, at)
        return _take(data, at, size), at + size
    if kind in {_FIXED64, _FIXED32}:
        size = 8 if kind == _FIXED64 else 4
        return int.from_bytes(_take(data, at, size), "little"), at + size
    raise _WireError(f"wire type {kind} at byte {at}")


def _take(data: bytes, at: int, size: int) -> bytes:
    if size > len(data) - at:
        raise _WireError(f"cut short: {size} bytes announced at byte {at}, {len(data) - at} are there")
    return data[at : at + size]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _WireError("cut short inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise _WireError(f"a number longer than ten bytes before byte {at}")
