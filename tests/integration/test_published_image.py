"""The whole way: built, proven and pushed to a registry with TLS and logins, pulled by digest elsewhere, and it runs.

The registry is a service of docker-compose, in a container of the project's own base, at an address that is no
loopback: engine and client trust it for its certificate's CA in certs.d, and for nothing else.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from builder.engine.port import Engine
from tests.support.compose import PORT, bridge_address, compose_command, write_service
from tests.support.real_registry import log_in
from tests.support.registry import docker
from tests.support.tls import Company, company
from tests.support.workshop import Ran, Workshop

pytestmark = pytest.mark.engine
CERTS = Path("/etc/docker/certs.d")
ENV = "tiny"


@pytest.fixture(scope="session")
def address() -> str:
    return bridge_address()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, address: str) -> Company:
    return company(tmp_path_factory.mktemp("ca"), address)


@pytest.fixture(scope="session")
def docker_compose_command(tmp_path_factory: pytest.TempPathFactory) -> str:
    return compose_command(tmp_path_factory.mktemp("compose") / "debs")


@pytest.fixture(scope="session")
def docker_compose_file(
    tmp_path_factory: pytest.TempPathFactory, workshop: Workshop, address: str, made: Company, engine: Engine
) -> Iterator[str]:
    base = f"imgbuild-compose-{uuid.uuid4().hex[:8]}/base"
    (tar,) = (workshop.kit / "base").glob("*.tar")
    yield str(write_service(tmp_path_factory.mktemp("service"), tar, base, address, made))
    for name in (f"{base}-with-registry", base):
        engine.remove(f"{name}:latest")


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return f"imgbuild{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["up --build -d"]  # 1.29 has no --wait


@dataclass(frozen=True)
class Lab:
    """host: `172.17.0.1:PORT`. home: whose docker is logged in."""

    host: str
    home: Path
    shop: Workshop

    prefix: str
    image: str = ""  # its id
    digest: str = ""

    def run(self, *words: str) -> Ran:
        env = {"DOCKER_CONFIG": str(self.home / ".docker"), "IMGBUILD_PREFIX": self.prefix}
        return self.shop.run(*words, env=env)


@pytest.fixture(scope="module")
def lab(
    docker_services: Any,
    address: str,
    made: Company,
    workshop: Workshop,
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    host = f"{address}:{docker_services.port_for('registry', PORT)}"
    home = tmp_path_factory.mktemp("home")
    log_in(home, host)
    folder = CERTS / host
    prefix = f"imgbuild-lab-{uuid.uuid4().hex[:8]}"
    missing = [one for one in (CERTS, CERTS.parent) if not one.exists()]
    folder.mkdir(parents=True)
    try:
        (folder / "ca.crt").write_bytes(made.pem.read_bytes())
        docker_services.wait_until_responsive(lambda: _answers(host, made.pem), timeout=60, pause=0.1)
        yield _pushed(Lab(host, home, workshop, prefix))
    finally:
        engine.remove(f"{prefix}/{ENV}:latest")
        shutil.rmtree(folder)
        for one in missing:
            one.rmdir()


def _answers(host: str, ca: Path) -> bool:
    context = ssl.create_default_context(cafile=str(ca))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        opener.open(f"https://{host}/v2/", timeout=5)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return False


def _pushed(lab: Lab) -> Lab:
    built = lab.run("build", ENV, "--kit", str(lab.shop.kit), "--push", f"{lab.host}/team/{ENV}", "--json")
    assert built.code == 0, built.err
    (image,), pushed = built.document["images"], built.document["pushed"]
    assert (pushed["proven"], pushed["image_id"]) == (True, image["image_id"])
    return replace(lab, image=image["image_id"], digest=pushed["digest"])


def test_promoted_pulled_and_run(lab: Lab, engine: Engine) -> None:
    promoted = lab.run("promote", f"{lab.host}/team/{ENV}:latest", f"{lab.host}/prod/{ENV}:1", "--json")
    assert promoted.code == 0, promoted.err
    ref = f"{lab.host}/prod/{ENV}@{lab.digest}"
    try:
        docker("--config", str(lab.home / ".docker"), "pull", ref)
        found = engine.find(ref)
        assert found is not None
        assert found.id == lab.image
        said = docker(
            "run", "--rm", "--network", "none", ref, "python", "-c", "import sys; print(sys.prefix)"
        )
        assert said == f"/opt/conda/envs/{ENV}"
    finally:
        subprocess.run(["docker", "rmi", ref], capture_output=True, check=False)


def test_it_is_read_and_pushed_again(lab: Lab) -> None:
    text = lab.run("check-host", f"{lab.host}/team/{ENV}:latest", "--gpu", "a100", "--driver", "580")
    assert text.code == 0, text.err
    again = lab.run("push", ENV, "--to", f"{lab.host}/team/{ENV}", "--tag", "1", "--json")
    assert again.code == 0, again.err
    assert again.document["tags"] == {"1": lab.digest}


def test_without_the_ca_nothing_is_pushed(lab: Lab) -> None:
    folder = CERTS / lab.host
    hidden = folder.with_name(f"{folder.name}.hidden")
    folder.rename(hidden)
    try:
        done = lab.run("push", ENV, "--to", f"{lab.host}/team/{ENV}", "--tag", "2", "--json")
    finally:
        hidden.rename(folder)
    assert done.code == 7
    assert done.document["error"]["what"] == "the registry's certificate is not trusted"
    assert f"/etc/docker/certs.d/{lab.host}" in done.document["error"]["fix"]
