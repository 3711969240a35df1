"""An image's configuration out of a registry: platforms, digests, bounds, and what odd servers answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.errors import BuildError, RegistryError
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.registry.client import Registry
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.settings.patience import Policy
from tests.support.fake_registry import INDEX, MANIFEST, FakeRegistry, Reply, errors, fake_registry
from tests.unit.registry.conftest import Read

LABELS = {"io.imgbuild.cuda": "13.0"}


def test_an_image_of_one_platform(read: Read) -> None:
    with fake_registry() as site:
        digest = site.image("a/b", "1", Labels=LABELS, Env=["A=1=2", "EMPTY=", "BARE"])
        found = read(f"{site.host}/a/b:1")
    assert (found.digest, found.manifest, found.platform) == (digest, digest, "linux/amd64")
    assert found.env == {"A": "1=2", "EMPTY": "", "BARE": ""}
    assert found.labels == LABELS
    assert [layer.size for layer in found.layers] == [1234] == [found.size]


@pytest.mark.parametrize(("platform", "label"), [("linux/amd64", "amd"), ("linux/arm64", "arm")])
def test_an_index_is_asked_for_its_platform(read: Read, platform: str, label: str) -> None:
    with fake_registry() as site:
        entries = {
            "unknown/unknown": site.image("a", platform="unknown/unknown"),
            "linux/amd64/v3": site.image("a", Labels={"x": "amd v3"}),
            "linux/amd64": site.image("a", Labels={"x": "amd"}),
            "linux/arm64/v8": site.image("a", platform="linux/arm64", Labels={"x": "arm"}),
            "linux/arm": site.image("a", platform="linux/arm", Labels={"x": "old arm"}),
        }
        top = site.index("a", "1", entries)
        found = read(f"{site.host}/a:1", platform)
    assert found.labels == {"x": label}
    assert found.digest == top
    assert found.manifest in entries.values()


def test_an_index_without_the_platform_names_those_it_has(read: Read) -> None:
    with fake_registry() as site:
        site.index("a", "1", {"linux/arm64/v8": site.image("a"), "windows/amd64": site.image("a")})
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1")
    assert caught.value.kind == "platform"
    assert "linux/arm64/v8, windows/amd64" in caught.value.fix


def test_by_digest(read: Read) -> None:
    with fake_registry() as site:
        digest = site.image("a", "1", Labels=LABELS)
        assert read(f"{site.host}/a@{digest}").labels == LABELS
        assert site.lines[0] == f"GET /v2/a/manifests/{digest}"


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_bytes_that_are_not_what_the_digest_names(read: Read, what: str) -> None:
    with fake_registry() as site:
        digest = site.image("a", "1")
        for path, reply in list(site.pages.items()):
            if f"{what}s/sha256" in path:
                site.pages[path] = Reply(200, reply.body + b" ", reply.headers)
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a@{digest}")
    assert caught.value.kind == "broken"
    assert "is not what sha256:" in caught.value.what


def test_a_tags_manifest_that_differs_from_its_own_header(read: Read) -> None:
    with fake_registry() as site:
        site.image("a", "1")
        page = site.pages["/v2/a/manifests/1"]
        lie = {**page.headers, "Docker-Content-Digest": f"sha256:{'0' * 64}"}
        site.pages["/v2/a/manifests/1"] = Reply(200, page.body, lie)
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1")
    assert caught.value.kind == "broken"


@pytest.mark.parametrize("size", [4 << 20, (4 << 20) + 1])
def test_no_more_than_the_bound_is_read(read: Read, size: int) -> None:
    with fake_registry() as site:
        site.pages["/v2/a/manifests/1"] = Reply(200, b" " * size, {"Content-Type": MANIFEST})
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1")
    assert ("longer than" in caught.value.what) is (size > 4 << 20)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b"<html>", b'{"schemaVersion": 1}', b'{"config": {}, "layers": []}', b"\xff",
     b'{"config": {"digest": 1, "size": 1}, "layers": []}', b'{"manifests": [{"digest": "x"}]}',
     b'{"config": {"digest": "sha256:x", "size": -1}, "layers": []}', b'{"manifests": 3}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_manifest(read: Read, body: bytes) -> None:
    with fake_registry() as site:
        site.pages["/v2/a/manifests/1"] = Reply(200, body, {"Content-Type": "text/plain"})
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1")
    assert caught.value.kind in {"broken", "platform"}


@pytest.mark.parametrize(
    "config", [b"", b"[]", b"{}", b'{"os": "linux"}', b'{"mediaType": "helm"}', b'{"a":' * 100_000]
)
def test_what_is_no_image(read: Read, config: bytes) -> None:
    """Charts and other artefacts have a manifest too."""
    with fake_registry() as site:
        row = {"digest": site.blob("a", config), "size": len(config)}
        site.manifest("a", {"schemaVersion": 2, "config": row, "layers": []}, MANIFEST, "1")
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1")
    assert caught.value.kind == "broken"
    assert "is no image" in caught.value.what


def test_an_index_that_leads_to_itself(read: Read) -> None:
    with fake_registry() as site:
        inner = site.manifest("a", {"manifests": []}, INDEX)
        for _ in range(5):
            row = {"digest": inner, "platform": {"os": "linux", "architecture": "amd64"}}
            inner = site.manifest(
                "a", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [row]}, INDEX, "1"
            )
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1")
    assert caught.value.kind == "broken"


def test_nothing_there(read: Read) -> None:
    with fake_registry() as site:
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
        assert (caught.value.kind, caught.value.exit_code) == ("missing", 7)
        assert caught.value.where == f"{site.url}/v2/a/b/manifests/1"
        assert caught.value.detail == "MANIFEST_UNKNOWN: unknown"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_registry_is_asked_again(read: Read, status: int) -> None:
    with fake_registry() as site:
        site.image("a", "1", Labels=LABELS)
        site.first = [Reply(status), Reply(status)]
        assert read(f"{site.host}/a:1", attempts=3).labels == LABELS


def test_a_registry_that_stays_busy(read: Read) -> None:
    with fake_registry() as site:
        site.first = [Reply(429, errors("TOOMANYREQUESTS", "slow down"))] * 3
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a:1", attempts=3)
        assert caught.value.kind == "busy"
        assert caught.value.detail == "TOOMANYREQUESTS: slow down"
        assert len(site.lines) == 3


def test_retry_after_is_waited_for() -> None:
    waited: list[float] = []
    with fake_registry() as site:
        site.image("a", "1")
        site.first = [Reply(429, b"", {"Retry-After": "7"})]
        with Wire(DaemonTrust(), Policy(pause=0.0), waited.append) as wire:
            Registry(site.host, wire, Logins(Here(Path("/nonexistent"), {}))).manifest("a", "1")
    assert waited == [7.0]


def test_a_cut_answer_is_asked_for_again(read: Read) -> None:
    with fake_registry() as site:
        site.image("a", "1", Labels=LABELS)
        whole = site.pages["/v2/a/manifests/1"]
        site.first = [Reply(200, whole.body[:10], whole.headers, promised=len(whole.body))]
        assert read(f"{site.host}/a:1").labels == LABELS


def test_nobody_listens(read: Read) -> None:
    with pytest.raises(RegistryError) as caught:
        read("127.0.0.1:1/a:1")
    assert caught.value.kind == "unreachable"
    assert "connection refused" in caught.value.what


def test_a_host_that_nobody_knows(read: Read) -> None:
    with pytest.raises(RegistryError) as caught:
        read("no-such-host.invalid/a:1")
    assert caught.value.kind == "address"
    assert "no-such-host.invalid" in caught.value.what


def test_offline_nothing_is_asked(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_OFFLINE", "1")
    with fake_registry() as site:
        with pytest.raises(BuildError, match="offline"):
            read(f"{site.host}/a:1")
        assert site.asked == []


def mirrored(site: FakeRegistry) -> DaemonTrust:
    return DaemonTrust(mirrors=(site.url,))


def test_a_mirror_of_docker_hub_is_asked_first(read: Read) -> None:
    with fake_registry() as site:
        site.image("library/debian", "12", Labels=LABELS)
        assert read("debian:12", trust=mirrored(site)).labels == LABELS
        assert site.lines[0] == "GET /v2/library/debian/manifests/12"


def test_json_is_all_that_a_reference_becomes(read: Read) -> None:
    with fake_registry() as site:
        site.image("a", "1", Labels=LABELS)
        assert json.loads(read(f"{site.host}/a:1").model_dump_json())["labels"] == LABELS
