"""`imgbuild verify` of images in a real registry: without pulling them, and layer by layer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.publish.travel import VERDICT
from builder.registry.client import Registry
from builder.registry.manifest import MANIFESTS
from builder.registry.referrers import Attachment, attach
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.settings.patience import Policy
from tests.support.held import IMAGE, Bench
from tests.support.real_registry import PASSWORD, RealRegistry, htpasswd, log_in, real_registry
from tests.support.tampering import CASES, NAME
from tests.support.tls import company
from tests.support.workshop import Ran

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """With TLS and a password file."""
    folder = tmp_path_factory.mktemp("lab")
    with real_registry(folder / "lab", company(folder, "registry.test"), **htpasswd(folder / "lab")) as real:
        log_in(real.home, real.host)
        yield real


@pytest.fixture(scope="module")
def pushed(held: Bench, lab: RealRegistry) -> str:
    """The image as `imgbuild push` puts it there."""
    done = held.workshop.run(
        "push", NAME, "--to", f"{lab.host}/team/{NAME}", "--json", env={"HOME": str(lab.home)}
    )
    assert done.code == 0, done.err
    return f"{lab.host}/team/{NAME}:latest"


def verify(held: Bench, lab: RealRegistry, image: str, *words: str) -> tuple[Ran, dict[str, Any]]:
    done = held.workshop.run("verify", image, "--json", *words, env={"HOME": str(lab.home)})
    assert done.code in {0, 7}, done.err
    assert PASSWORD not in done.out + done.err
    return done, done.document


def names(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["about"], one["how"], one["name"]) for one in document["drifts"]}


@pytest.mark.parametrize("words", [(), ("--deep",)], ids=["shallow", "deep"])
def test_what_was_pushed_has_no_drift(
    words: tuple[str, ...], held: Bench, lab: RealRegistry, pushed: str
) -> None:
    done, document = verify(held, lab, pushed, *words)
    assert document["drifts"] == []
    assert done.code == 0
    assert (document["place"], document["deep"], document["recorded"]) == ("registry", bool(words), True)


def test_in_a_fresh_checkout_the_verdict_beside_it_counts(
    held: Bench, lab: RealRegistry, pushed: str, tmp_path: Path
) -> None:
    shutil.copytree(held.workshop.root / "envs", tmp_path / "project" / "envs")
    fresh = replace(held, workshop=replace(held.workshop, root=tmp_path / "project"))
    done, document = verify(fresh, lab, pushed, "--kit", str(held.workshop.kit))
    assert document["drifts"] == []
    assert done.code == 0
    assert document["recorded"] is False


def test_a_changed_image_under_the_tag(held: Bench, lab: RealRegistry, pushed: str, tmp_path: Path) -> None:
    """Pushed over it by somebody else: seen without pulling, and named layer by layer."""
    with held.changed(CASES["byte"], CASES["variable"]) as tag:
        digest = lab.push(tag, f"team/changed-{NAME}:latest")
    image = f"{lab.host}/team/changed-{NAME}:latest"
    _, document = verify(held, lab, image)
    assert {
        ("layer", "extra", "layer 7"),
        ("variable", "changed", "GREETING"),
        ("verdict", "changed", "image of the verdict"),  # the record here is about the honest image
    } <= names(document)
    shutil.copytree(held.workshop.root / "envs", tmp_path / "project" / "envs")
    fresh = replace(held, workshop=replace(held.workshop, root=tmp_path / "project"))
    _, document = verify(fresh, lab, image, "--kit", str(held.workshop.kit))
    assert ("verdict", "missing", "verdict") in names(document)  # no record here, and none beside it
    done, document = verify(held, lab, image, "--deep")
    assert done.code == 7
    assert ("file", "changed") in {
        one[:2] for one in names(document) if one[2].endswith("imgbuild_sample/__init__.py")
    }
    _put_beside(held, lab, f"team/changed-{NAME}", digest)
    _, document = verify(held, lab, image)
    assert ("verdict", "changed", "image of the verdict") in names(document)


def _put_beside(held: Bench, lab: RealRegistry, repository: str, digest: str) -> None:
    """The verdict of the honest image, beside another one."""
    record = json.loads((held.workshop.root / ".imgbuild" / NAME / "record.json").read_text())
    verdict = Attachment(kind=VERDICT, name="verdict.json", content=json.dumps(record["verdict"]).encode())
    with Wire(DaemonTrust(), Policy(attempts=2, pause=0.1)) as wire:
        registry = Registry(lab.host, wire, Logins(Here(lab.home, {})))
        body = registry.manifest(repository, digest).body
        attach(Writer(registry, repository, Policy()), digest, MANIFESTS[1], len(body), verdict)


def test_two_published_images_and_the_local_one(held: Bench, lab: RealRegistry, pushed: str) -> None:
    done = held.workshop.run("diff", pushed, f"image:{IMAGE}", "--json", env={"HOME": str(lab.home)})
    assert done.code == 0, done.err
    assert done.document["images"]["old"]["id"] == done.document["images"]["new"]["id"]
    assert done.document["different"] is False
