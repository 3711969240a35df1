"""The client against the distribution project's own registry, to which the real engine pushed."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.engine.docker_sdk import DockerEngine
from builder.engine.port import ImageInfo
from builder.errors import RegistryError
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.registry.read import RemoteConfig, read_config
from builder.registry.reference import parse_reference
from builder.registry.trust import DaemonTrust, daemon_trust
from builder.settings.patience import Policy
from tests.support.engine_base import LABEL, tar_of, unique
from tests.support.fake_registry import fake_registry
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
from tests.support.workshop import REPOSITORY, imgbuild

pytestmark = pytest.mark.engine
LABELS = {LABEL: "registry", "io.imgbuild.cuda": "13.0", "io.imgbuild.gpus": "sm_80 compute_90"}
NAME = "registry.test"
GUARDED = pytest.mark.parametrize("kind", ["password", "tokens"], indirect=True)


@pytest.fixture(scope="module")
def image(docker_engine: DockerEngine) -> Iterator[ImageInfo]:
    """Something to push: one file, and labels."""
    tag = unique("pushed")
    tar = [tar_of({"a/file": b"content"})]
    yield docker_engine.import_tar(tag, tar, labels=LABELS, platform="linux/amd64")
    docker_engine.remove(tag)


@dataclass(frozen=True)
class Case:
    """A registry with what it takes to be trusted by name, and the digest that the engine says it pushed."""

    registry: RealRegistry
    trust: DaemonTrust
    digest: str

    def read(
        self, name: str, *, home: Path | None = None, by: str = NAME, trust: bool = True
    ) -> RemoteConfig:
        host = self.registry.host.replace("127.0.0.1", by)
        known = self.registry.home if home is None else home
        if home is None:
            log_in(known, host)
        return read_config(
            parse_reference(f"{host}/{name}"),
            "linux/amd64",
            trust=self.trust if trust else DaemonTrust(),
            logins=Logins(Here(known, {})),
            policy=Policy(attempts=2, pause=0.1),
        )


@contextmanager
def _case(folder: Path, kind: str, image: ImageInfo) -> Iterator[Case]:
    made = company(folder, NAME)
    with ExitStack() as stack:
        if kind == "tokens":
            tokens = stack.enter_context(fake_registry(made.load))
            tokens.rule = TokenServer(made).rule
            auth: dict[str, Any] = {
                "token": {
                    "realm": f"{tokens.url}/token",
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(made.pem),
                }
            }
        else:
            auth = htpasswd(folder / "lab") if kind == "password" else {}
        registry = stack.enter_context(
            real_registry(folder / "lab", made if kind != "plain" else None, **auth)
        )
        digest = registry.push(image.tags[0], "team/pushed:1")
        certs = folder / "etc/docker/certs.d" / registry.host.replace("127.0.0.1", NAME)
        certs.mkdir(parents=True)
        (certs / "ca.crt").write_bytes(made.pem.read_bytes())
        yield Case(registry, daemon_trust(folder, folder), digest)


@pytest.fixture(params=["plain", "password", "tokens"], scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def case(kind: str, image: ImageInfo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with _case(tmp_path_factory.mktemp("lab"), kind, image) as made:
        yield made


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's name leads to loopback; by its address it would be trusted without a certificate."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if host == NAME else host, *rest, **more),
    )
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def how(kind: str) -> str:
    """A registry without TLS can only be asked by its address."""
    return "127.0.0.1" if kind == "plain" else NAME


def test_what_the_engine_pushed_is_read(case: Case, kind: str, image: ImageInfo) -> None:
    found = case.read("team/pushed:1", by=how(kind))
    assert found.digest == found.manifest == case.digest
    assert found.config == image.id
    assert found.labels == LABELS == dict(image.labels)
    assert found.env == dict(image.env)
    assert found.platform == image.platform
    assert len(found.layers) == 1
    assert found.size > 0


def test_by_digest(case: Case, kind: str) -> None:
    assert case.read(f"team/pushed@{case.digest}", by=how(kind)).digest == case.digest


def test_loopback_needs_no_certificate(case: Case) -> None:
    assert case.read("team/pushed:1", by="127.0.0.1", trust=False).digest == case.digest


@pytest.mark.parametrize("name", ["team/pushed:2", "team/other:1"])
def test_what_is_not_there(case: Case, kind: str, name: str) -> None:
    with pytest.raises(RegistryError) as caught:
        case.read(name, by=how(kind))
    assert caught.value.kind == "missing"
    assert "unknown" in caught.value.detail


@pytest.mark.parametrize("kind", ["plain"], indirect=True)
def test_everybody_may_read_where_no_login_is_wanted(case: Case, tmp_path: Path) -> None:
    assert case.read("team/pushed:1", by="127.0.0.1", home=tmp_path).digest == case.digest


@GUARDED
def test_without_a_login(case: Case, tmp_path: Path) -> None:
    with pytest.raises(RegistryError) as caught:
        case.read("team/pushed:1", home=tmp_path)
    assert caught.value.kind == "denied"
    assert "docker login" in caught.value.fix


@GUARDED
def test_with_a_wrong_password(case: Case, tmp_path: Path) -> None:
    log_in(tmp_path, case.registry.host.replace("127.0.0.1", NAME), password="wrong-horse")
    with pytest.raises(RegistryError) as caught:
        case.read("team/pushed:1", home=tmp_path)
    assert caught.value.kind == "denied"
    assert "config.json" in f"{caught.value} {caught.value.fix}"
    assert "wrong-horse" not in f"{caught.value} {caught.value.detail}"


@GUARDED
def test_its_certificate_must_be_known(case: Case) -> None:
    with pytest.raises(RegistryError) as caught:
        case.read("team/pushed:1", trust=False)
    assert caught.value.kind == "untrusted"


def test_bytes_that_changed_on_its_disk(case: Case, kind: str, image: ImageInfo) -> None:
    """The registry serves a blob without looking at it; we look."""
    case.registry.push(image.tags[0], "team/altered:1")
    digest = image.id.removeprefix("sha256:")
    data = case.registry.home.parent / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    good = data.read_bytes()
    document = json.loads(good)
    document["config"]["Labels"]["io.imgbuild.cuda"] = "12.0"
    data.write_bytes(json.dumps(document).encode())
    try:
        with pytest.raises(RegistryError, match="is not what sha256:"):
            case.read("team/altered:1", by=how(kind))
    finally:
        data.write_bytes(good)
    assert hashlib.sha256(good).hexdigest() == digest


@pytest.mark.parametrize("kind", ["tokens"], indirect=True)
def test_an_identity_token(case: Case, tmp_path: Path) -> None:
    host = case.registry.host.replace("127.0.0.1", NAME)
    (tmp_path / ".docker").mkdir()
    row = {"auth": "", "identitytoken": "identity-token-5512"}
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {host: row}}))
    assert case.read("team/pushed:1", home=tmp_path).digest == case.digest


@pytest.mark.parametrize("kind", ["plain", "password", "tokens"], indirect=True)
def test_check_host_reads_it_and_pulls_nothing(case: Case, docker_engine: DockerEngine) -> None:
    """The command itself, with the engine at hand: its rule that loopback is trusted, docker's own login."""
    ref = f"{case.registry.host}/team/pushed:1"
    home = case.registry.home
    log_in(home, case.registry.host)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    words = ["check-host", ref, "--gpu", "a100", "--driver", "580", "--platform", "linux/amd64", "--json"]
    done = imgbuild(words, home, environ)
    assert done.code == 0, done.err
    assert done.document["subject"] == {
        "name": ref,
        "place": "registry",
        "id": case.digest,
        "platform": "linux/amd64",
    }
    assert docker_engine.find(ref) is None
    assert imgbuild(["check-host", ref, "--gpu", "t4", "--driver", "580"], home, environ).code == 6
