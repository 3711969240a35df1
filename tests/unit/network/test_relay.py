"""The relay between rattler and a private channel: a faithful one, and nobody else's."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator

import pytest
import requests

from builder.lock import gateway
from builder.network.credentials import Credentials
from builder.network.relay import Relay, relayed
from builder.network.secret import Entry, Secret
from builder.network.session import Session
from tests.support.flaky_server import FlakyServer, Handler, cut_after, flaky_server, status

BODY = bytes(range(256)) * 4000
TOKEN = "tk-relay-123"


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    with flaky_server() as running:
        yield running


@pytest.fixture
def relay(server: FlakyServer) -> Iterator[Relay]:
    entry = Entry(Secret("token", TOKEN), "127.0.0.1")
    with relayed([f"{server.url}/team"], lambda: Session(Credentials(lambda: [entry]))) as made:
        yield made


def place(relay: Relay) -> str:
    return next(iter(relay.places.values()))


def test_bytes_and_head_as_they_are(server: FlakyServer, relay: Relay) -> None:
    server.bodies[f"/t/{TOKEN}/team/x"] = BODY
    answer = requests.get(f"{place(relay)}/x", timeout=20)
    assert answer.content == BODY
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert relay.refused == []


def test_only_below_its_own_path(server: FlakyServer, relay: Relay) -> None:
    base = place(relay).rsplit("/", 1)[0]
    server.bodies[f"/t/{TOKEN}/team/x"] = BODY
    for path in ("", "/", "/x", "/team/x", f"/t/{TOKEN}/team/x", "/" + "A" * 32 + "/x"):
        assert requests.get(f"{base}{path}", timeout=20).status_code == 404
    assert server.seen == []


def test_a_condition_and_no_change(server: FlakyServer, relay: Relay) -> None:
    def unchanged(handler: Handler, _body: bytes) -> None:
        handler.send_response(304)
        handler.send_header("ETag", handler.headers["If-None-Match"])
        handler.end_headers()

    server.bodies[f"/t/{TOKEN}/team/x"] = BODY
    server.script[f"/t/{TOKEN}/team/x"] = [unchanged]
    answer = requests.get(f"{place(relay)}/x", headers={"If-None-Match": '"abc"'}, timeout=20)
    assert (answer.status_code, answer.headers["ETag"]) == (304, '"abc"')
    assert requests.get(f"{place(relay)}/x", timeout=20).content == BODY


def test_what_is_packed_stays_packed(server: FlakyServer, relay: Relay) -> None:
    packed = gzip.compress(BODY)

    def chunked(handler: Handler, _body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(packed), 1000):
            piece = packed[start : start + 1000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    server.bodies[f"/t/{TOKEN}/team/x"] = b""
    server.script[f"/t/{TOKEN}/team/x"] = [chunked]
    answer = requests.get(f"{place(relay)}/x", headers={"Accept-Encoding": "gzip"}, timeout=20)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == BODY


def test_a_cut_is_a_cut(server: FlakyServer, relay: Relay) -> None:
    """Half a body is never handed on as a whole one."""
    server.bodies[f"/t/{TOKEN}/team/x"] = BODY
    server.script[f"/t/{TOKEN}/team/x"] = [cut_after(300_000)]
    with pytest.raises(requests.RequestException):
        requests.get(f"{place(relay)}/x", timeout=20)
    assert [one.url for one in relay.refused] == [f"{server.url}/team/x"]
    assert requests.get(f"{place(relay)}/x", timeout=20).content == BODY


@pytest.mark.parametrize("code", [401, 404, 429, 503])
def test_a_refusal_is_handed_on_and_noted(server: FlakyServer, relay: Relay, code: int) -> None:
    server.bodies[f"/t/{TOKEN}/team/x"] = BODY
    server.script[f"/t/{TOKEN}/team/x"] = [status(code, Retry_After="7")]
    answer = requests.get(f"{place(relay)}/x", timeout=20)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (code, "7")
    assert [(one.url, one.status) for one in relay.refused] == [(f"{server.url}/team/x", code)]
    assert TOKEN not in repr(relay.refused)


def test_nobody_answers() -> None:
    known = Credentials(lambda: [Entry(Secret("token", TOKEN), "127.0.0.1")])
    with relayed(["http://127.0.0.1:1/team"], lambda: Session(known)) as relay:
        assert requests.get(f"{place(relay)}/x", timeout=20).status_code == 502
    assert relay.refused[0].status == 0
    assert TOKEN not in repr(relay.refused)


def test_many_at_once_and_an_end(server: FlakyServer) -> None:
    known = Credentials(lambda: [Entry(Secret("token", TOKEN), "127.0.0.1")])
    with relayed([f"{server.url}/team"], lambda: Session(known)) as relay:
        found: list[bytes] = []
        for number in range(40):
            server.bodies[f"/t/{TOKEN}/team/{number}"] = os.urandom(100_000)
        asking = [
            threading.Thread(
                target=lambda n=number: found.append(requests.get(f"{place(relay)}/{n}", timeout=20).content)
            )
            for number in range(40)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert sorted(found) == sorted(server.bodies.values())
        url = place(relay)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/1", timeout=5)


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_what_needs_no_proxy_stays_so_in_both_spellings(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """rattler takes the upper case one first: it must not stand there with the loopback alone."""
    for one in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, "internal.example.org")
    monkeypatch.setattr(
        gateway, "credentials", lambda: Credentials(lambda: [Entry(Secret("token", TOKEN), "")])
    )
    with gateway.opened(["http://127.0.0.1:9/team"]):
        for one in ("no_proxy", "NO_PROXY"):
            assert os.environ[one] == "internal.example.org,127.0.0.1"
