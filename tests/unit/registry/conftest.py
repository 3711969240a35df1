"""No proxies, CAs and logins of the developer's; what one test has for a secret is an ordinary word to the next."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.network import redact
from builder.network.credentials import credentials
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.registry.read import RemoteConfig, read_config
from builder.registry.reference import parse_reference
from builder.registry.trust import DaemonTrust
from builder.settings.patience import Policy

Read = Callable[..., RemoteConfig]
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir",
              "requests_ca_bundle", "curl_ca_bundle", "imgbuild_offline", "docker_config")  # fmt: skip


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".docker").mkdir(parents=True)
    monkeypatch.setattr(redact, "_known", set())
    credentials.cache_clear()


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below `.test` lead to this machine: loopback by address is trusted without a certificate."""
    real = socket.getaddrinfo

    def found(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith(".test") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def read(home: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """`read_config` of a reference as text, without pauses."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def call(
        ref: str, platform: str = "linux/amd64", trust: DaemonTrust | None = None, attempts: int = 3
    ) -> RemoteConfig:
        policy = Policy(attempts=attempts, pause=0.0, connect=5.0, read=2.0)
        logins = Logins(Here(home, {"PATH": str(home / "bin")}))
        return read_config(
            parse_reference(ref), platform, trust=trust or DaemonTrust(), logins=logins, policy=policy
        )

    return call
