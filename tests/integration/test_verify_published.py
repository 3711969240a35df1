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
from tests.support.tampering import CASES, NAME, SITE, Case
from tests.support.tls import company
from tests.support.workshop import Ran

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

STANDIN = "/opt/conda/lib/python3.11/site-packages/conda_standin/cli.py"


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


def test_with_the_list_beside_it_nothing_of_its_files_is_left_unjudged(
    held: Bench, lab: RealRegistry, pushed: str, tmp_path: Path
) -> None:
    """In a fresh checkout, where no record says which bytes the layers have."""
    fresh = checkout(held, tmp_path)
    _, document = verify(fresh, lab, pushed, "--deep", "--kit", str(held.workshop.kit))
    assert document["drifts"] == []
    assert [one for one in document["unjudged"] if one["what"] == "files"] == []
    assert any("held against the list that was made when it was pushed" in note for note in document["notes"])


def test_files_that_no_archive_tells_changed_in_the_very_step_that_makes_them(
    held: Bench, lab: RealRegistry, pushed: str, tmp_path: Path
) -> None:
    """Bytecode, and a file of conda's own installation: no layer more, every archive's file as it should be."""
    (end,) = CASES["byte-in-place"].page
    code = f"{SITE}/imgbuild_sample/__pycache__/__init__.cpython-311.pyc"
    lines = (
        f"sed -i 's/VALUE/VALVE/' {code}",
        f"echo '# x' >> {STANDIN}",
        "touch /opt/conda/lib/more.py",
    )
    case = Case("in place", (), page={end: end + "".join(f"    {line}; \\\n" for line in lines)})
    with held.changed(case) as tag:
        lab.push(tag, f"team/{NAME}:replaced")
    fresh = checkout(held, tmp_path)
    image = pushed.replace(":latest", ":replaced")
    _, document = verify(fresh, lab, image, "--deep", "--kit", str(held.workshop.kit))
    told = {(one["how"], one["name"]) for one in document["drifts"] if one["why"] == "since it was proven"}
    assert {("changed", code), ("changed", STANDIN), ("extra", "/opt/conda/lib/more.py")} <= told
    assert not any(one["about"] == "layer" for one in document["drifts"])


def checkout(held: Bench, folder: Path) -> Bench:
    """The definitions alone, as somebody else has them."""
    shutil.copytree(held.workshop.root / "envs", folder / "project" / "envs")
    return replace(held, workshop=replace(held.workshop, root=folder / "project"))


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
