"""Registries through a proxy, and those on loopback never."""

from __future__ import annotations

import pytest

from builder.registry.trust import DaemonTrust
from tests.support.fake_registry import fake_registry
from tests.support.proxy import forward_proxy
from tests.unit.registry.conftest import Read


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variables", [("http_proxy", "https_proxy"), ("ALL_PROXY",)])
def test_loopback_is_asked_without_a_proxy(
    read: Read, monkeypatch: pytest.MonkeyPatch, host: str, variables: tuple[str, ...]
) -> None:
    """The proxy has a loopback of its own, and would see a login in the clear."""
    with forward_proxy() as proxy, fake_registry() as registry:
        for name in variables:
            monkeypatch.setenv(name, proxy.url)
        registry.image("team/x", "1", Labels={"a": "b"})
        found = read(f"{host}:{registry.host.partition(':')[2]}/team/x:1")
    assert found.labels == {"a": "b"}
    assert proxy.asked == []


def test_others_are_asked_through_it(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    with forward_proxy() as proxy, fake_registry() as registry:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        port = int(registry.host.partition(":")[2])
        proxy.route["registry.test"] = ("127.0.0.1", port)
        registry.image("team/x", "1", Labels={"a": "b"})
        found = read(f"registry.test:{port}/team/x:1", trust=DaemonTrust(insecure=(f"registry.test:{port}",)))
    assert found.labels == {"a": "b"}
    assert len(proxy.asked) >= 3
