"""Pushes through a relay that cuts and refuses by a seed: at the end the registry holds the proven image under the tag,
or the tag is as it was.

`make soak` makes 100 such pushes; `make test` the first few. SOAK_SEED and SOAK_PUSHES choose others.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.engine.port import Engine
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.publish.there import held
from builder.registry.client import Registry
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.settings.patience import Policy
from builder.values import canonical_json
from tests.support.fault_relay import Fault, relay
from tests.support.real_registry import RealRegistry, real_registry
from tests.support.workshop import HERE, REPOSITORY, Ran, Workshop

pytestmark = [pytest.mark.engine, pytest.mark.soak]
RUNS = int(os.environ.get("SOAK_PUSHES", "2"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
OWN = "imgbuild-soak"  # not below the tests' own name, so that another run beside this one leaves it alone
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def shop(workshop: Workshop, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    root = tmp_path_factory.mktemp("publisher")
    shutil.copytree(HERE / "envs" / "tiny", root / "envs" / "tiny")
    shutil.copy(REPOSITORY / "envs" / "_bases.yml", root / "envs")
    made = replace(workshop, root=root)
    done = made.run("build", "tiny", "--kit", str(workshop.kit), env={"IMGBUILD_PREFIX": OWN})
    assert done.code == 0, done.err
    yield made
    engine.remove(f"{OWN}/tiny:latest")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("lab")) as real:
        yield real


def faults(seed: int) -> Any:
    """Which connections fail, and how: about one in four."""

    def plan(number: int) -> Fault | None:
        chance = random.Random(f"{SEED}-{seed}-{number}")
        if chance.random() > 0.25:
            return None
        if chance.random() < 0.5:
            return Fault(answer=chance.choice([429, 500, 502, 503]))
        return Fault(after=int(10 ** chance.uniform(0, 7)))

    return plan


def writer(lab: RealRegistry, repository: str, wire: Wire) -> Writer:
    return Writer(
        Registry(lab.host, wire, Logins(Here(lab.home, {}))), repository, Policy(attempts=3, pause=0.1)
    )


def earlier(one: Writer) -> str:
    """What the tag stood for before: another small image."""
    config = one.put_bytes(canonical_json({"os": "linux", "architecture": "amd64"}))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 40},
        "layers": [],
    }
    return one.put_manifest("stable", canonical_json(document), MANIFEST)


@pytest.mark.parametrize("seed", range(RUNS))
def test_the_tag_is_the_proven_image_or_as_it_was(seed: int, shop: Workshop, lab: RealRegistry) -> None:
    repository = f"soak/run{seed}"
    with Wire(DaemonTrust(), Policy(attempts=3, pause=0.1)) as wire:
        one = writer(lab, repository, wire)
        before = earlier(one) if seed % 2 else ""
        with relay(lab.host, faults(seed)) as between:
            done = _push(shop, between.host, repository)
        found = one.find_manifest("stable")
        now = found.digest if found else ""
        if done.code == 0:
            assert now == done.document["digest"]
        else:
            assert done.code == 7, done.err
        if now != before:
            assert held(one, "stable", _image_id(shop)) is not None
    # without faults, the same push ends what this one left
    last = _push(shop, lab.host, repository)
    assert last.code == 0, last.err
    with Wire(DaemonTrust(), Policy(attempts=3, pause=0.1)) as wire:
        assert held(writer(lab, repository, wire), "stable", _image_id(shop)) is not None


def _push(shop: Workshop, host: str, repository: str) -> Ran:
    env = {"IMGBUILD_RETRIES": "2", "IMGBUILD_RETRY_PAUSE": "0.05", "IMGBUILD_PREFIX": OWN}
    return shop.run("push", "tiny", "--to", f"{host}/{repository}", "--tag", "stable", "--json", env=env)


def _image_id(shop: Workshop) -> str:
    record = Path(shop.root / ".imgbuild" / "tiny" / "record.json")
    return str(json.loads(record.read_text())["image_id"])
