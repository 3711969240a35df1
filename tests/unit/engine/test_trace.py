"""The wire decoder: real traces, hand-made ones, and anything at all."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.trace import (
    Malformed,
    Status,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
    decode,
    decode_line,
)


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def data(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def stamp(field: int, seconds: int, nanos: int = 0) -> bytes:
    return data(field, number(1, seconds) + number(2, nanos))


def vertex_bytes(vertex: Vertex) -> bytes:
    raw = data(1, vertex.digest) + b"".join(data(2, name) for name in vertex.inputs) + data(3, vertex.name)
    raw += number(4, int(vertex.cached))
    for field, time in ((5, vertex.started), (6, vertex.completed)):
        raw += b"" if time is None else stamp(field, int(time), round(time % 1 * 1e9))
    return raw + data(7, vertex.error)


def test_every_message_is_read() -> None:
    vertex = Vertex("sha256:a", "[1/2] RUN é", ("sha256:b", "sha256:c"), True, 12.5, 14.25, "exit code: 3")
    raw = (
        data(1, vertex_bytes(vertex))
        + data(2, data(1, "id") + data(2, "sha256:a") + data(3, "n") + number(4, 5) + number(5, 1 << 40))
        + data(3, data(1, "sha256:a") + stamp(2, 9) + number(3, 2) + data(4, b"\xff\n"))
        + data(4, data(1, "sha256:a") + number(2, 1) + data(3, "careful") + data(4, b"more") + data(5, "url"))
    )
    assert decode(raw) == Status(
        (vertex,),
        (VertexStatus("sha256:a", "id", "n", 5, 1 << 40),),
        (VertexLog("sha256:a", 2, b"\xff\n"),),
        (VertexWarning("sha256:a", "careful"),),
    )


def test_absent_fields_have_their_defaults_and_unknown_ones_are_passed_over() -> None:
    unknown = number(99, 1) + data(98, b"x") + varint(97 << 3 | 1) + bytes(8) + varint(96 << 3 | 5) + bytes(4)
    assert decode(data(1, unknown)) == Status((Vertex(""),))
    assert decode(unknown) == Status()
    assert decode(b"") == Status()


def test_the_last_of_a_single_field_wins_and_negative_numbers_are_read() -> None:
    raw = data(2, data(1, "first") + data(1, "last") + number(4, -7))
    assert decode(raw) == Status(statuses=(VertexStatus("", "last", "", -7),))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x0a", "cut short inside a number"),
        (b"\x0a\x05abc", "cut short: 5 bytes announced"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut short"),
        (b"\x80" * 20, "longer than ten bytes"),
        (b"\x00\x00", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x0f", "wire type 7"),
        (number(1, 5), "a number where bytes belong"),
        (data(2, data(4, b"x")), "bytes where a number belongs"),
        (b"\x18\x01" * 200_001, "more than 200000 fields"),
    ],
)
def test_what_breaks_the_format_is_malformed(raw: bytes, reason: str) -> None:
    found = decode(raw)
    assert isinstance(found, Malformed)
    assert reason in found.reason


@pytest.mark.parametrize("aux", [None, 3, {"ID": "x"}, "not base64!", "YQ"])
def test_a_line_without_a_trace_is_malformed(aux: object) -> None:
    assert isinstance(decode_line(aux), Malformed)


def test_a_line_is_base64() -> None:
    raw = data(3, data(1, "v"))
    assert decode_line(base64.b64encode(raw).decode()) == Status(logs=(VertexLog("v", 0),))


@given(st.binary(max_size=2000))
def test_any_bytes_give_a_value(raw: bytes) -> None:
    assert isinstance(decode(raw), Status | Malformed)


@given(st.integers(0, 400), st.binary(max_size=5), st.integers(0, 400))
def test_a_damaged_trace_gives_a_value(cut: int, junk: bytes, at: int) -> None:
    raw = data(1, vertex_bytes(Vertex("d", "n" * 50, ("i",), True, 1.5, 2.5, "e"))) + data(
        3, data(4, b"log" * 30)
    )
    assert isinstance(decode(raw[:cut]), Status | Malformed)
    assert isinstance(decode(raw[:at] + junk + raw[at:]), Status | Malformed)


_text = st.text(max_size=20)
_time = st.none() | st.integers(0, 2**33).map(float)


@given(
    st.lists(
        st.builds(
            Vertex, _text, _text, st.lists(_text, max_size=3).map(tuple), st.booleans(), _time, _time, _text
        ),
        max_size=4,
    )
)
def test_what_is_encoded_is_decoded(vertexes: list[Vertex]) -> None:
    raw = b"".join(data(1, vertex_bytes(vertex)) for vertex in vertexes)
    assert decode(raw) == Status(tuple(vertexes))
