"""An image for two platforms, really pushed into Debian's registry, each half from its own checkout; and who may push.

There is no emulator here, so the halves are imported for their platforms and not built; each has what a build leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.engine.port import Engine
from tests.support.fake_registry import fake_registry
from tests.support.pair import AMD64, ARM64, NAME, Machine
from tests.support.real_registry import (
    ISSUER,
    PASSWORD,
    SERVICE,
    RealRegistry,
    TokenServer,
    log_in,
    real_registry,
)
from tests.support.registry import docker
from tests.support.tls import company
from tests.support.workshop import PREFIX, Ran, Workshop

pytestmark = pytest.mark.engine


@dataclass
class Half:
    """One platform's machine, and the command there."""

    machine: Machine
    shop: Workshop
    home: Path

    def push(self, host: str, *words: str, name: str = "team/pair") -> Ran:
        log_in(self.home, host)
        env = {"HOME": str(self.home), "IMGBUILD_PREFIX": self.machine.prefix, "IMGBUILD_RETRIES": "2"}
        return self.shop.run("push", NAME, "--to", f"{host}/{name}", *words, "--json", env=env)


@pytest.fixture
def halves(engine: Engine, tmp_path: Path) -> Iterator[tuple[Half, Half]]:
    made = []
    for platform in (AMD64, ARM64):
        word = platform.rpartition("/")[2]
        machine = Machine(tmp_path / word, engine, platform, f"{PREFIX}/{word}").write()
        machine.build()
        shop = Workshop(machine.root, tmp_path / "no-kit", tmp_path / "cache")
        made.append(Half(machine, shop, tmp_path / f"home-{word}"))
    yield made[0], made[1]
    for half in made:
        for tag in set(half.machine.made):
            engine.remove(tag)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[RealRegistry]:
    """It wants tokens, and USER may only read below prod/."""
    made = company(tmp_path, "registry.test")
    with ExitStack() as stack:
        tokens = stack.enter_context(fake_registry(made.load))
        tokens.rule = TokenServer(made, readonly="prod/").rule
        auth = {
            "realm": f"{tokens.url}/token",
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(made.pem),
        }
        yield stack.enter_context(real_registry(tmp_path / "lab", made, token=auth))


def tags_of(real: RealRegistry, name: str = "team/pair") -> dict[str, str]:
    """The user's tags and what they stand for, off the registry's own disk."""
    folder = real.home.parent / "data/docker/registry/v2/repositories" / name / "_manifests/tags"
    found = {path.parent.parent.name: path.read_text() for path in folder.glob("*/current/link")}
    return {tag: one for tag, one in found.items() if not tag.startswith(("imgbuild-", "sha256-"))}


def test_each_half_is_pushed_from_where_it_was_built(halves: tuple[Half, Half], lab: RealRegistry) -> None:
    amd64, arm64 = halves
    first = amd64.push(lab.host, "--tag", "1")
    assert first.code == 0, first.err
    assert first.document["waiting"] == {ARM64: "it is not there yet"}
    assert tags_of(lab) == {}
    second = arm64.push(lab.host, "--tag", "1")
    assert second.code == 0, second.err
    index = second.document["index"]
    assert tags_of(lab) == {"1": index}
    for half, done in ((amd64, first), (arm64, second)):
        assert pulled(half, f"{lab.host}/team/pair:1") == done.document["image_id"]
    # another plan of one half does not come into it
    amd64.machine.change("labels: {org.example.team: vision}").build("changed")
    changed = amd64.push(lab.host, "--tag", "1")
    assert changed.code == 0, changed.err
    assert changed.document["waiting"] == {ARM64: "it is not there yet"}
    assert tags_of(lab) == {"1": index}
    # and the missing half completes it
    arm64.machine.change("labels: {org.example.team: vision}").build("changed")
    done = arm64.push(lab.host, "--tag", "1")
    assert done.code == 0, done.err
    assert done.document["moved"] == {"1": index}
    assert pulled(amd64, f"{lab.host}/team/pair:1") == changed.document["image_id"]


def pulled(half: Half, ref: str) -> str:
    """The id of the image that an engine of this platform gets under a reference."""
    docker("--config", str(half.home / ".docker"), "pull", "--platform", half.machine.platform, ref)
    try:
        (found,) = json.loads(docker("inspect", ref))
        assert f"{found['Os']}/{found['Architecture']}" == half.machine.platform
        return str(found["Id"])
    finally:
        docker("rmi", ref)


def test_a_repository_that_one_may_only_read_is_named(halves: tuple[Half, Half], lab: RealRegistry) -> None:
    done = halves[0].push(lab.host, "--alone", "--tag", "1", name="prod/pair")
    assert done.code == 7
    error = done.document["error"]
    assert "does not let the login of" in error["what"]
    assert "push to prod/pair (401)" in error["what"]
    assert error["where"] == f"{lab.host}/prod/pair"
    assert tags_of(lab, "prod/pair") == {}
    assert PASSWORD not in done.out + done.err
    assert halves[0].push(lab.host, "--alone", "--tag", "1").code == 0
