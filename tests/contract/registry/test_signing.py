"""`push --sign`: what cosign is asked to do, and when. A program of the tests stands in for cosign."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builder.errors import PublishError, UsageError
from builder.network import redact
from builder.progress import silent
from builder.publish import signing
from builder.publish.signing import Signer, find_signer, trusting
from builder.registry.trust import DaemonTrust
from builder.workflow.promote import promote
from tests.support.cosign_standin import notes, standin
from tests.support.fake_registry import MANIFEST
from tests.support.oci_registry import OciRegistry, Repository
from tests.support.pair import Machine

pytestmark = pytest.mark.usefixtures("own_home")
NAME = "team/pair"


@pytest.fixture
def cosign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in on PATH; no variables of the developer's cosign."""
    for name in [name for name in os.environ if name.startswith("COSIGN_")]:
        monkeypatch.delenv(name)
    folder = standin(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "cosign.key").write_text("a key")
    return str(tmp_path / "cosign.key")


def own_tags(site: OciRegistry) -> set[str]:
    tags = site.repositories.setdefault(NAME, Repository()).tags
    return {tag for tag in tags if not tag.startswith(("imgbuild-", "sha256-"))}


def test_it_is_signed_by_its_digest_before_any_tag_is_put(
    site: OciRegistry, pair: tuple[Machine, Machine], cosign: Path, key: str
) -> None:
    pushed = pair[0].push(f"{site.host}/{NAME}", tags=("1", "latest"), alone=True, sign=key)
    (call,) = notes(cosign)
    ref = f"{site.host}/{NAME}@{pushed.digest}"
    assert call["words"] == ["sign", "--yes", "--key", key, "--tlog-upload=false", ref]
    assert call["variables"] == {
        "COSIGN_USE_SIGNING_CONFIG": "false",
        "COSIGN_ALLOW_INSECURE_REGISTRY": "true",
        "COSIGN_ALLOW_HTTP_REGISTRY": "true",
    }
    assert call["tags"] == [f"imgbuild-{pushed.plan_digest}"]
    assert pushed.signed == (pushed.digest,)
    assert own_tags(site) == {"1", "latest"}


def test_of_several_platforms_each_is_signed_and_the_index(
    site: OciRegistry, pair: tuple[Machine, Machine], cosign: Path, key: str
) -> None:
    first = pair[0].push(f"{site.host}/{NAME}", tags=("1",), sign=key)
    second = pair[1].push(f"{site.host}/{NAME}", tags=("1",), sign=key)
    assert (first.signed, second.signed) == ((first.digest,), (second.digest, second.index))
    assert [call["words"][-1].partition("@")[2] for call in notes(cosign)] == [*first.signed, *second.signed]
    assert not any("1" in call["tags"] for call in notes(cosign))
    assert own_tags(site) == {"1"}


def test_what_is_not_signed_gets_no_tag(
    site: OciRegistry,
    pair: tuple[Machine, Machine],
    cosign: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the password, which a program might say in its despair, is in no error of ours."""
    (tmp_path / "other.key").write_text("refused")
    monkeypatch.setattr(redact, "_known", set())
    monkeypatch.setenv("COSIGN_PASSWORD", "key-pass%31-word")
    with pytest.raises(PublishError, match="cosign did not sign it") as caught:
        pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True, sign=str(tmp_path / "other.key"))
    assert caught.value.exit_code == 7
    assert "decryption failed (***)" in caught.value.detail
    assert notes(cosign)[0]["variables"]["COSIGN_PASSWORD"] == "key-pass%31-word"
    assert "key-pass" not in f"{caught.value} {caught.value.detail}"
    assert "COSIGN_PASSWORD" in caught.value.fix
    assert own_tags(site) == set()


def test_one_that_does_not_end_is_ended(
    site: OciRegistry, pair: tuple[Machine, Machine], cosign: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cosign / "cosign").write_text("#!/bin/sh\nsleep 60\n")
    monkeypatch.setattr(signing, "_PATIENCE", 0.3)
    with pytest.raises(PublishError, match="did not end within"):
        pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True, sign=key)
    assert own_tags(site) == set()


def test_without_cosign_nothing_is_pushed(
    site: OciRegistry,
    pair: tuple[Machine, Machine],
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="there is no cosign on PATH") as caught:
        pair[0].push(f"{site.host}/{NAME}", alone=True, sign=key)
    assert caught.value.exit_code == 2
    assert site.lines == []


def test_without_the_key_nothing_is_pushed(
    site: OciRegistry, pair: tuple[Machine, Machine], cosign: Path
) -> None:
    with pytest.raises(UsageError, match="there is no key file"):
        pair[0].push(f"{site.host}/{NAME}", alone=True, sign="no.key")
    assert site.lines == []
    assert find_signer("awskms:///alias/release").program == str(cosign / "cosign")


def test_who_chose_a_log_keeps_it(
    site: OciRegistry, pair: tuple[Machine, Machine], cosign: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_TLOG_UPLOAD", "true")
    monkeypatch.setenv("COSIGN_ALLOW_INSECURE_REGISTRY", "false")
    pushed = pair[0].push(f"{site.host}/{NAME}", alone=True, sign=key)
    (call,) = notes(cosign)
    assert call["words"] == ["sign", "--yes", "--key", key, f"{site.host}/{NAME}@{pushed.digest}"]
    assert "COSIGN_USE_SIGNING_CONFIG" not in call["variables"]
    assert call["variables"]["COSIGN_ALLOW_INSECURE_REGISTRY"] == "false"


def test_a_registry_is_trusted_as_the_engine_trusts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("COSIGN_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "certs.d" / "registry.test"
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_text("pem")
    trust = DaemonTrust(folders=(tmp_path / "certs.d",))
    found = trusting(Signer("cosign", "k"), "registry.test", "https://registry.test", trust)
    assert found.more == {"COSIGN_REGISTRY_CACERT": str(folder / "ca.crt")}
    assert trusting(Signer("cosign", "k"), "example.org", "https://example.org", trust).more == {}


def test_a_pin_is_never_said(cosign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", set())
    find_signer("pkcs11:token=release;slot-id=1?module-path=/lib/x.so&pin-value=se%2Fcret-19")
    assert redact.redacted("cosign said se%2Fcret-19 and se/cret-19") == "cosign said *** and ***"


def test_signatures_under_tags_of_their_own_are_promoted(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    pushed = pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    place = site.repositories[NAME]
    (config,) = [digest for digest, data in place.blobs.items() if data == b"{}"]
    row = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": config, "size": 2}
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": row, "layers": [row]}).encode()
    place.tags[f"{pushed.digest.replace(':', '-')}.sig"] = signed = _digest(body)
    place.manifests[signed] = (MANIFEST, body)
    promote(f"{site.host}/{NAME}:1", f"{site.host}/prod/pair:1", silent)
    there = site.repositories["prod/pair"]
    assert there.tags[f"{pushed.digest.replace(':', '-')}.sig"] == signed
    assert there.manifests[signed] == (MANIFEST, body)


def _digest(body: bytes) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(body).hexdigest()}"
