"""Writing into the distribution project's own registry: blobs, manifests, what lies beside an image; and faults."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.errors import RegistryError
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.registry import write
from builder.registry.client import Registry
from builder.registry.referrers import Attachment, attach, read_attachment, referrers
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.settings.patience import Policy
from builder.values import canonical_json
from tests.support.fake_registry import fake_registry
from tests.support.fault_relay import Fault, Plan, relay
from tests.support.real_registry import (
    ISSUER,
    SERVICE,
    RealRegistry,
    TokenServer,
    htpasswd,
    log_in,
    real_registry,
)
from tests.support.tls import company

# Loopback is trusted without a certificate, as the engine trusts it; pytest asks for its warnings anew in each test.
pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
POLICY = Policy(attempts=4, pause=0.01)


@dataclass
class Lab:
    """A registry, and a client that is logged in there."""

    real: RealRegistry
    wire: Wire

    def writer(self, repository: str = "team/image", host: str = "") -> Writer:
        log_in(self.real.home, host or self.real.host)
        registry = Registry(host or self.real.host, self.wire, Logins(Here(self.real.home, {})))
        return Writer(registry, repository, POLICY)


@pytest.fixture(params=["plain", "password", "tokens"], scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    made = company(folder, "registry.test")
    with ExitStack() as stack:
        auth = htpasswd(folder / "lab") if request.param == "password" else {}
        if request.param == "tokens":
            tokens = stack.enter_context(fake_registry(made.load))
            tokens.rule = TokenServer(made).rule
            auth = {"token": {"realm": f"{tokens.url}/token", "service": SERVICE, "issuer": ISSUER,
                              "rootcertbundle": str(made.pem)}}  # fmt: skip
        tls = made if request.param != "plain" else None
        real = stack.enter_context(real_registry(folder / "lab", tls, **auth))
        wire = stack.enter_context(Wire(DaemonTrust(), POLICY))
        yield Lab(real, wire)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Without TLS, for relays that look into nothing."""
    folder = tmp_path_factory.mktemp("plain")
    with real_registry(folder) as real, Wire(DaemonTrust(), POLICY) as wire:
        yield Lab(real, wire)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def image(writer: Writer, *tags: str, extra: str = "") -> tuple[str, bytes]:
    """A small image under these tags; its digest and manifest."""
    config = writer.put_bytes(canonical_json({"os": "linux", "architecture": "amd64", "extra": extra}))
    layer = writer.put_bytes(b"layer" * 100)
    body = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 50},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 500}],
        }
    )
    for tag in tags:
        assert writer.put_manifest(tag, body, MANIFEST) == digest_of(body)
    return digest_of(body), body


def test_a_blob_lies_there_once_it_was_put(lab: Lab) -> None:
    writer, data = lab.writer(), os.urandom(3 << 20)
    assert not writer.has_blob(digest_of(data))
    assert writer.put_bytes(data) == digest_of(data)
    assert writer.has_blob(digest_of(data))
    assert writer.registry.blob("team/image", digest_of(data)) == data
    assert writer.put_bytes(data) == digest_of(data)  # again: it is there


def test_a_large_blob_goes_in_pieces(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "PIECE", 1 << 20)
    data = os.urandom((3 << 20) + 17)
    writer = lab.writer()
    writer.put_blob(digest_of(data), len(data), io.BytesIO(data))
    assert writer.registry.blob("team/image", digest_of(data)) == data


def test_a_blob_is_mounted_from_another_repository(lab: Lab) -> None:
    data = os.urandom(1000)
    lab.writer("team/one").put_bytes(data)
    other = lab.writer("team/two")
    assert other.mount_blob(digest_of(data), "team/one")
    assert other.has_blob(digest_of(data))
    missing = digest_of(b"nobody has this")
    assert not other.mount_blob(missing, "team/one")
    assert not other.has_blob(missing)


def test_bytes_that_are_not_the_digests_are_not_taken(lab: Lab) -> None:
    writer = lab.writer()
    with pytest.raises(RegistryError) as caught:
        writer.put_blob(digest_of(b"something else"), 4, io.BytesIO(b"this"))
    assert caught.value.kind == "broken"
    assert not writer.has_blob(digest_of(b"something else"))


def test_a_tag_moves_and_the_old_manifest_stays(lab: Lab) -> None:
    writer = lab.writer()
    first, _ = image(writer, "1", "latest", extra="first")
    second, _ = image(writer, "2", "latest", extra="second")
    found = {tag: document.digest for tag in ("1", "2", "latest") if (document := writer.find_manifest(tag))}
    assert found == {"1": first, "2": second, "latest": second}
    assert writer.find_manifest("3") is None


def test_a_manifest_whose_blobs_are_not_there_is_refused(lab: Lab) -> None:
    writer = lab.writer("team/empty")
    _, body = image(lab.writer("team/full"))
    with pytest.raises(RegistryError) as caught:
        writer.put_manifest("1", body, MANIFEST)
    assert "blob unknown" in caught.value.detail
    assert writer.find_manifest("1") is None


def test_documents_lie_beside_an_image(lab: Lab) -> None:
    writer = lab.writer("team/beside")
    digest, body = image(writer, "1")
    assert referrers(writer.registry, "team/beside", digest) == ()
    verdict = Attachment(
        kind="application/vnd.imgbuild.verdict.v1+json", name="verdict.json", content=b'{"a": 1}'
    )
    lock = Attachment(kind="application/vnd.imgbuild.lock.v1+yaml", name="lock.yml", content=b"a: 1\n")
    for one in (verdict, lock, verdict):
        attach(writer, digest, MANIFEST, len(body), one)
    found = referrers(writer.registry, "team/beside", digest)
    assert [one.kind for one in found] == [verdict.kind, lock.kind]
    assert [read_attachment(writer.registry, "team/beside", one) for one in found] == [
        verdict.content,
        lock.content,
    ]
    tag = writer.find_manifest(digest.replace(":", "-"))
    assert tag is not None  # this registry has no referrers API
    assert len(json.loads(tag.body)["manifests"]) == 2


@pytest.mark.parametrize("name", ["team/image", "other/image"])
def test_a_wrong_password_is_refused(
    lab: Lab, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["lab"] == "plain":
        return  # everybody may write there
    log_in(tmp_path, lab.real.host, password="wrong-horse")
    writer = Writer(Registry(lab.real.host, lab.wire, Logins(Here(tmp_path, {}))), name, POLICY)
    with pytest.raises(RegistryError) as caught:
        writer.put_bytes(b"never")
    assert caught.value.kind == "denied"
    assert "wrong-horse" not in f"{caught.value} {caught.value.detail} {caught.value.fix}"


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda number: Fault(after=700_000) if number < 3 else None, id="cut-three-times"),
        pytest.param(lambda number: Fault(answer=500) if number in {0, 2} else None, id="failed"),
        pytest.param(lambda number: Fault(answer=429) if number in {1, 3} else None, id="busy"),
        pytest.param(lambda number: Fault(after=1) if number % 2 == 0 else None, id="every-other"),
    ],
)
def test_what_passes_is_waited_for_and_the_upload_goes_on(
    plain: Lab, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "PIECE", 256 << 10)
    data = os.urandom(2 << 20)
    with relay(plain.real.host, plan) as between:
        writer = plain.writer(host=between.host)
        writer.put_blob(digest_of(data), len(data), io.BytesIO(data))
        assert between.faults > 0
    assert plain.writer().registry.blob("team/image", digest_of(data)) == data


def test_what_does_not_pass_ends_in_time_and_leaves_nothing(plain: Lab) -> None:
    data = os.urandom(1 << 20)
    with (
        relay(plain.real.host, lambda _number: Fault(answer=503)) as between,
        pytest.raises(RegistryError, match=r"the registry failed \(503\)") as caught,
    ):
        plain.writer(host=between.host).put_bytes(data)
    assert (caught.value.kind, caught.value.exit_code) == ("busy", 7)
    assert not plain.writer().has_blob(digest_of(data))
