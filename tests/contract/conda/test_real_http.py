"""Rows that only a real installer can show: packages over http, from a channel on loopback. Collected only with one."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support import conda_packages as makers
from tests.support.conda_packages import Made, Recipe
from tests.support.conda_program import Conda, know_terms


class Channel(ThreadingHTTPServer):
    """Serves one package, or fails as told; counts what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = b""
        self.status = 200
        self.cut = False
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []

    def address(self, made: Made) -> str:
        return f"http://127.0.0.1:{self.server_port}/{made.subdir}/{made.path.name}"


class _Handler(BaseHTTPRequestHandler):
    server: Channel

    def do_GET(self) -> None:
        self.server.asked[self.path.rsplit("/", 1)[-1]] += 1
        if not self.path.endswith(".conda"):
            self.send_error(404)
        elif self.server.status != 200:
            self.send_error(self.server.status)
        else:
            self._package()

    def _package(self) -> None:
        body, start = self.server.body, 0
        if wanted := self.headers.get("Range"):
            self.server.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : len(body) // 2] if self.server.cut else body[start:])

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def channel(conda: Conda, hello: Made) -> Iterator[Channel]:
    (conda.root / ".condarc").write_text("channels: []\nnumber_channel_notices: 0\n")
    server = Channel()
    server.body = hello.path.read_bytes()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _create(conda: Conda, prefix: Path, line: str, *words: str) -> Any:
    env = {"no_proxy": "127.0.0.1"}
    return conda(
        "create", "-y", "-q", "-p", prefix, *words, "--file", conda.lock(line), env=env
    )  # fmt: skip


@pytest.mark.row("hashes-http-checked", "error-checksum")
def test_a_wrong_hash_over_http(conda: Conda, channel: Channel, tmp_path: Path, hello: Made) -> None:
    done = _create(conda, tmp_path / "env", f"{channel.address(hello)}#{'0' * 32}")
    assert done.code == 1
    assert done.stderr.count("ChecksumMismatchError") == 2
    assert not (tmp_path / "env").exists()
    assert _create(conda, tmp_path / "env", f"{channel.address(hello)}#sha256:{hello.sha256}").code == 0


@pytest.mark.row("net-retries")
@pytest.mark.parametrize(("status", "times"), [(403, 1), (404, 1), (503, 4)])
def test_retries(
    conda: Conda, channel: Channel, tmp_path: Path, hello: Made, status: int, times: int
) -> None:
    channel.status = status
    assert _create(conda, tmp_path / "env", channel.address(hello)).code == 1
    assert channel.asked[hello.path.name] == times


@pytest.mark.row("net-truncated")
def test_a_truncated_body_is_resumed(conda: Conda, channel: Channel, tmp_path: Path) -> None:
    made = makers.make(tmp_path / "made", Recipe("big", {"share/big": os.urandom(4 << 20)}))
    channel.body, channel.cut = made.path.read_bytes(), True
    assert _create(conda, tmp_path / "env", f"{channel.address(made)}#{made.md5}").code == 1
    assert channel.asked[made.path.name] == 1
    channel.cut = False
    assert _create(conda, tmp_path / "env", f"{channel.address(made)}#{made.md5}").code == 0
    assert channel.ranges == [], "an explicit line names no size, and without one conda starts anew"


@pytest.mark.row("error-connection")
def test_nobody_answers(conda: Conda, channel: Channel, tmp_path: Path, hello: Made) -> None:
    address = channel.address(hello)
    channel.shutdown()
    channel.server_close()
    done = _create(conda, tmp_path / "env", address)
    assert done.code == 1
    assert "HTTP 000 CONNECTION FAILED" in done.stderr


@pytest.mark.row("net-channels")
def test_an_explicit_create_asks_configured_channels(
    conda: Conda, channel: Channel, tmp_path: Path, hello: Made
) -> None:
    base = f"http://127.0.0.1:{channel.server_port}"
    (conda.root / ".condarc").write_text(f"channels: ['{base}']\nnumber_channel_notices: 5\n")
    conda.provide(hello)
    _create(conda, tmp_path / "env", hello.line)
    assert {"terms.json", "notices.json"} & channel.asked.keys()


@pytest.mark.row("terms-unknown")
def test_terms_that_were_never_fetched_are_none(conda: Conda, tmp_path: Path, hello: Made) -> None:
    (conda.root / ".condarc").write_text("channels: [defaults]\n")
    conda.provide(hello)
    assert _create(conda, tmp_path / "env", hello.line, "--offline").code == 0
    know_terms(conda.home)
    assert _create(conda, tmp_path / "env", hello.line, "--offline").code == 1
