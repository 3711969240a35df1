"""Whom the engine trusts, out of its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.registry.trust import DaemonTrust, daemon_trust


@pytest.mark.parametrize(
    ("host", "insecure"),
    [
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("localhost:5000", True),
        ("[::1]:5000", True),
        ("lab:5000", True),
        ("lab:5001", False),
        ("lab", False),
        ("10.1.2.3:5000", True),
        ("11.1.2.3:5000", False),
        ("docker.io", False),
        ("localhost.example.org", False),
    ],
)
def test_insecure_registries(tmp_path: Path, host: str, insecure: bool) -> None:
    folder = tmp_path / "etc/docker"
    folder.mkdir(parents=True)
    (folder / "daemon.json").write_text(json.dumps({"insecure-registries": ["lab:5000", "10.0.0.0/8"]}))
    trust = daemon_trust(tmp_path, tmp_path / "home")
    assert trust.is_insecure(host) is insecure
    assert trust.of(host).verified is not insecure


def test_certificates_of_a_host(tmp_path: Path) -> None:
    folder = tmp_path / "etc/docker/certs.d/h.org:5000"
    folder.mkdir(parents=True)
    for name in ("ca.crt", "more.crt", "client.cert", "client.key", "alone.cert", "notes.txt"):
        (folder / name).write_text("x")
    own = tmp_path / "home/.config/docker/certs.d/h.org:5000"
    own.mkdir(parents=True)
    (own / "mine.crt").write_text("x")
    found = daemon_trust(tmp_path, tmp_path / "home").of("h.org:5000")
    assert [path.name for path in found.authorities] == ["ca.crt", "more.crt", "mine.crt"]
    assert [(cert.name, key.name) for cert, key in found.client] == [("client.cert", "client.key")]
    assert daemon_trust(tmp_path, tmp_path / "home").of("h.org").authorities == ()


def test_what_a_running_engine_adds(tmp_path: Path) -> None:
    trust = daemon_trust(tmp_path, tmp_path, insecure=["lab:1"], mirrors=["https://mirror.example.org/"])
    assert trust.is_insecure("lab:1")
    assert trust.mirrors == ("https://mirror.example.org",)


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"insecure-registries": 7}', '{"insecure-registries": [7]}']
)
def test_a_daemon_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").write_text(text)
    assert daemon_trust(tmp_path, tmp_path / "home").insecure == ()


def test_nothing_is_there(tmp_path: Path) -> None:
    assert daemon_trust(tmp_path, tmp_path / "home").of("h.org") == DaemonTrust().of("h.org")
