"""What servers and what stands before them do wrong, one at a time; seeded mixes of it are in tests/soak."""

from __future__ import annotations

import gzip
import hashlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.progress import Event, StepAdvanced
from builder.settings.patience import Policy
from builder.store.cache import Store
from builder.store.fetch import fetch
from tests.support.flaky_server import Answer, FlakyServer, Handler, cut_after, flaky_server, status, whole
from tests.support.lock_samples import SampleSource

BODY = hashlib.shake_128(b"body").digest(3_500_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
QUICK = Policy(pause=0.0, connect=5, read=5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with flaky_server() as running:
        running.bodies["/x.conda"] = BODY
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def got(
    server: FlakyServer, store: Store, *script: Answer, policy: Policy = QUICK, sized: bool = True
) -> bytes:
    server.script["/x.conda"] = list(script)
    file = LockedFile(url=f"{server.url}/x.conda", sha256=SHA256, size=len(BODY) if sized else None)
    return fetch([file], SampleSource(), store, policy=policy)[SHA256].read_bytes()


def answering(body: bytes, **headers: str) -> Answer:
    """This body with these headers, to its full length."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _body: handler.reply(200, body, named)


def without_length(body: bytes) -> Answer:
    """As much of a body, and then the end of the connection, as HTTP/1.0 has it: nobody can tell whether it is all."""

    def answer(handler: Handler, _body: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def chunked(body: bytes, *, end: bool = True) -> Answer:
    def answer(handler: Handler, _body: bytes) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for place in range(0, len(body), 300_000):
            piece = body[place : place + 300_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if end:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


def range_answer(start: int, stop: int, *, said: str | None = None) -> Answer:
    said = said or f"bytes {start}-{stop - 1}/{len(BODY)}"
    return lambda handler, body: handler.reply(206, body[start:stop], {"Content-Range": said})


def hang_up(handler: Handler, _body: bytes) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param([hang_up, hang_up], id="nothing at all"),
        pytest.param([cut_after(0), cut_after(1), cut_after(3_499_999)], id="cuts"),
        pytest.param([cut_after(1_500_000), range_answer(0, 3_500_000)], id="another range than asked for"),
        pytest.param([cut_after(1_500_000), range_answer(7, 9, said="nonsense")], id="a range that says nothing"),
        pytest.param([range_answer(100, 200)], id="a range that nobody asked for"),
        pytest.param([cut_after(1_500_000), status(416)], id="no such range"),
        pytest.param([chunked(BODY)], id="chunked"),
        pytest.param([chunked(BODY[:2_000_000], end=False)], id="chunked and cut"),
        pytest.param([without_length(BODY)], id="without a length"),
        pytest.param([without_length(BODY[:2_000_000])], id="without a length and cut"),
        pytest.param([answering(gzip.compress(BODY, 1), Content_Encoding="gzip")], id="gzip that nobody asked for"),
        pytest.param([answering(BODY, Content_Encoding="gzip")], id="a lie about gzip"),
        pytest.param([answering(BODY, Content_Encoding="identity")], id="the plain encoding by its name"),
        pytest.param([answering(b"<html>Please log in</html>")], id="a page in place of the file"),
        pytest.param([answering(BODY[:-1] + b"!")], id="one wrong byte, once"),
        pytest.param([answering(BODY[::-1][:2_000_000] + BODY[2_000_000:])], id="a bad beginning, once"),
    ],
)  # fmt: skip
def test_one_fault_heals(server: FlakyServer, store: Store, script: list[Answer], sized: bool) -> None:
    assert got(server, store, *script, sized=sized) == BODY
    assert [path.name for path in store.root.rglob("*") if path.is_file()] == [SHA256]


def test_a_file_that_is_truly_gzip_and_said_to_be_encoded_comes_as_it_is(
    server: FlakyServer, store: Store
) -> None:
    """Servers that take `.gz` for an encoding: what is inside was not locked, and the next try takes it whole."""
    packed = gzip.compress(BODY, 1)
    server.bodies["/x.gz"] = packed
    server.usual = lambda handler, body: handler.reply(200, body, {"Content-Encoding": "gzip"})
    sha256 = hashlib.sha256(packed).hexdigest()
    file = LockedFile(url=f"{server.url}/x.gz", sha256=sha256)
    assert fetch([file], SampleSource(), store, policy=QUICK)[sha256].read_bytes() == packed


def test_a_cut_encoded_body_is_not_gone_on_with(server: FlakyServer, store: Store) -> None:
    packed = gzip.compress(BODY, 1)

    def cut(handler: Handler, _body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(packed)))
        handler.end_headers()
        handler.wfile.write(packed[:1_500_000])
        handler.close_connection = True

    assert got(server, store, cut) == BODY
    assert [seen[1] for seen in server.seen] == ["", ""]


def test_wrong_bytes_in_one_piece_are_asked_for_once_more_past_the_caches(
    server: FlakyServer, store: Store
) -> None:
    said: list[str | None] = []

    def noted(handler: Handler, body: bytes) -> None:
        said.append(handler.headers.get("Cache-Control"))
        handler.reply(200, body[::-1])

    with pytest.raises(BuildError, match=SHA256):
        got(server, store, *[noted] * 9)
    assert said == [None, "no-cache"]
    assert list(store.root.rglob("*.*")) == []


def test_bytes_of_two_files_put_together_are_not_held_against_the_server(
    server: FlakyServer, store: Store
) -> None:
    """The file changed between two attempts, and then came wrong once more: still it is fetched."""
    other = answering(BODY[::-1])
    assert (
        got(server, store, cut_after(1_500_000), range_answer(1_500_000 - 1_500_000 % 65536, 9), other)
        == BODY
    )


def test_a_changed_file_behind_every_cut_ends(server: FlakyServer, store: Store) -> None:
    turned = BODY[::-1]

    def second_half(handler: Handler, _body: bytes) -> None:
        whole(handler, turned)

    with pytest.raises(BuildError, match="not what the lock names"):
        got(server, store, *[cut_after(1_500_000), second_half] * 9)
    assert len(server.seen) == 6


def test_a_long_file_on_a_bad_line_gets_there(server: FlakyServer, store: Store) -> None:
    """Each answer brings a megabyte and is cut: that is more cuts than attempts, and it goes on."""

    def little(handler: Handler, body: bytes) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        handler.wfile.write(body[start : start + 1_100_000])
        handler.close_connection = True

    assert got(server, store, *[little] * 3, policy=Policy(attempts=2, pause=0)) == BODY


def test_the_same_megabyte_again_and_again_ends(server: FlakyServer, store: Store) -> None:
    """A server without ranges that always cuts: bytes come, and yet it gets nowhere."""
    with pytest.raises(BuildError, match=r"cut .*\(3 attempts\)"):
        got(server, store, *[cut_after(2_000_000), status(416)] * 9, policy=Policy(attempts=3, pause=0))


def test_an_endless_body_is_left(server: FlakyServer, store: Store) -> None:
    sent: list[int] = []

    def endless(handler: Handler, body: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(1000):
                handler.wfile.write(body)
                sent.append(len(body))
        except ConnectionError:
            return

    with pytest.raises(BuildError, match="not what the lock names"):
        got(server, store, endless, endless, endless)
    assert len(sent) < 200


def test_a_server_that_dribbles_for_ever_is_left(server: FlakyServer, store: Store) -> None:
    release = threading.Event()

    def dribble(handler: Handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.close_connection = True
        place = 0
        try:
            while not release.wait(0.02):
                handler.wfile.write(body[place : place + 1])
                place += 1
        except ConnectionError:
            return

    hasty = Policy(attempts=2, pause=0, connect=5, read=0.3, slowest=1e6)
    try:
        assert got(server, store, dribble, policy=hasty) == BODY
    finally:
        release.set()
    assert server.seen[1][1].startswith("bytes=")


def test_a_stalled_server_is_left(server: FlakyServer, store: Store) -> None:
    release = threading.Event()

    def stalled(_handler: Handler, _body: bytes) -> None:
        release.wait(30)

    try:
        with pytest.raises(BuildError, match="did not answer in time"):
            got(server, store, stalled, stalled, policy=Policy(attempts=2, pause=0, read=0.2))
    finally:
        release.set()


@pytest.mark.parametrize("asked", ["1", "Wed, 21 Oct 2037 07:28:00 GMT"])
def test_a_busy_server_gets_the_pause_it_asks_for(
    server: FlakyServer, store: Store, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(
        "builder.store.download.Downloader._wait", lambda _self, seconds: waited.append(seconds)
    )
    got(server, store, status(429, Retry_After=asked), status(503, Retry_After="2"))
    assert (waited[0] >= 30) == (asked != "1")
    assert waited[0] >= 1
    assert waited[1] >= 2


def test_the_bytes_that_are_told_are_those_that_stay(server: FlakyServer, store: Store) -> None:
    events: list[Event] = []
    server.script["/x.conda"] = [answering(BODY[::-1]), cut_after(2_000_000), status(416), cut_after(5)]
    file = LockedFile(url=f"{server.url}/x.conda", sha256=SHA256, size=len(BODY))
    fetch([file], SampleSource(), store, events.append, policy=QUICK)
    told = [event for event in events if isinstance(event, StepAdvanced)]
    assert told[-1].done == len(BODY)


def test_every_retry_is_in_the_log(
    server: FlakyServer, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "builder")
    got(server, store, status(503), cut_after(10))
    assert "the server answered 503; again in 0.0 s" in caplog.text
    assert "the connection was cut (ProtocolError); again" in caplog.text
