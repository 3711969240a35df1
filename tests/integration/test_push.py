"""Publishing a proven image into the distribution project's own registry, and all that can go wrong on the way."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from builder.engine.port import Engine
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.publish.travel import INSTALLED, LOCK, SOURCE, VERDICT
from builder.registry.client import Registry
from builder.registry.referrers import read_attachment, referrers
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.sbom.documents import FILES
from builder.settings.patience import Policy
from tests.support.fault_relay import Fault, Plan, relay
from tests.support.leaks import Hunt
from tests.support.real_registry import PASSWORD, RealRegistry, htpasswd, log_in, real_registry
from tests.support.small_disk import small_disk
from tests.support.tls import company
from tests.support.workshop import HERE, PREFIX, REPOSITORY, Ran, Workshop

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]
OWN = f"{PREFIX}/push"  # nobody else builds under it
TAG = f"{OWN}/tiny:latest"
WRONG = "wrong-horse-77"


@dataclass
class Shop:
    """A project with the image `tiny`, built and proven, and a home that is logged in."""

    shop: Workshop
    home: Path
    image: dict[str, Any]

    def run(self, *words: str, **env: str) -> Ran:
        patient = {"IMGBUILD_RETRIES": "3", "IMGBUILD_RETRY_PAUSE": "0.05"}
        return self.shop.run(*words, env={"HOME": str(self.home), "IMGBUILD_PREFIX": OWN, **patient, **env})

    def push(self, host: str, *words: str, name: str = "team/tiny", **env: str) -> Ran:
        log_in(self.home, host)
        return self.run("push", "tiny", "--to", f"{host}/{name}", *words, "--json", **env)

    @property
    def permanent(self) -> str:
        return f"imgbuild-{self.image['plan_digest']}"


@pytest.fixture(scope="module")
def made(workshop: Workshop, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    home = tmp_path_factory.mktemp("publisher")
    envs = home / "project" / "envs"
    envs.mkdir(parents=True)
    for name in ("tiny", "broken"):
        shutil.copytree(HERE / "envs" / name, envs / name)
    shutil.copy(REPOSITORY / "envs" / "_bases.yml", envs)
    commit(home / "project")
    shop = Shop(replace(workshop, root=home / "project"), home / "home", {})
    done = shop.run("build", "tiny", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    shop.image = done.document["images"][0]
    return shop


def commit(folder: Path) -> None:
    """All that lies there, in a repository of its own with a secret in its remote."""
    who = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    remote = ("remote", "add", "origin", "https://me:hunter2-hunter2@git.example.org/team/images")
    for words in (("init", "-q"), remote, ("add", "-A"), (*who, "commit", "-q", "-m", "As it is")):
        subprocess.run(["git", *words], cwd=folder, check=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """With TLS and a password file."""
    folder = tmp_path_factory.mktemp("lab")
    with real_registry(folder / "lab", company(folder, "registry.test"), **htpasswd(folder / "lab")) as real:
        yield real


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[RealRegistry]:
    """Empty, without TLS and login, for relays that look into nothing."""
    with real_registry(tmp_path / "lab") as real:
        yield real


@contextmanager
def asking(real: RealRegistry) -> Iterator[Registry]:
    log_in(real.home, real.host)
    with Wire(DaemonTrust(), Policy(attempts=2, pause=0.1)) as wire:
        yield Registry(real.host, wire, Logins(Here(real.home, {})))


def tags_of(real: RealRegistry, name: str = "team/tiny") -> dict[str, str]:
    """Every tag of a repository and what it stands for, off the registry's own disk."""
    folder = real.home.parent / "data/docker/registry/v2/repositories" / name / "_manifests/tags"
    return {path.parent.parent.name: path.read_text() for path in folder.glob("*/current/link")}


def own_tags(real: RealRegistry, name: str = "team/tiny") -> dict[str, str]:
    """Those that a user would see."""
    return {
        tag: digest for tag, digest in tags_of(real, name).items() if not re.match("imgbuild-|sha256-", tag)
    }


def test_a_proven_image_is_pushed_under_its_tags(made: Shop, lab: RealRegistry, engine: Engine) -> None:
    done = made.push(lab.host)
    assert done.code == 0, done.err
    pushed = done.document
    day = datetime.datetime.fromisoformat(engine.find(TAG).created[:19])  # type: ignore[union-attr]
    lock = made.image["lock_digest"][:12]
    assert set(pushed["tags"]) == {f"lock-{lock}", f"{day:%Y%m%d}", "latest"}
    assert set(pushed["tags"].values()) == {pushed["digest"]}
    assert own_tags(lab) == pushed["tags"]
    assert tags_of(lab)[made.permanent] == pushed["digest"]
    assert pushed["image_id"] == made.image["image_id"]
    assert pushed["proven"] is True
    assert json.loads(Path(pushed["record"]).read_text()) == {
        k: v for k, v in pushed.items() if k != "record"
    }
    assert not [name for name in engine.find(TAG).tags if lab.host in name]  # type: ignore[union-attr]


def test_verdict_and_lock_lie_beside_it(made: Shop, lab: RealRegistry) -> None:
    digest = made.push(lab.host).document["digest"]
    with asking(lab) as registry:
        rows = referrers(registry, "team/tiny", digest)
        found = {one.kind: read_attachment(registry, "team/tiny", one) for one in rows}
    assert set(found) == {VERDICT, LOCK, SOURCE, INSTALLED, *FILES}
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=made.shop.root, capture_output=True, text=True, check=True
    )
    assert json.loads(found[SOURCE]) == {
        "commit": head.stdout.strip(),
        "repository": "https://git.example.org/team/images",
        "changed": False,
    }
    for kind, name in FILES.items():
        assert found[kind] == (made.shop.root / ".imgbuild" / "tiny" / name).read_bytes()
    verdict = json.loads(found[VERDICT])
    assert (verdict["image_id"], verdict["plan_digest"]) == (
        made.image["image_id"],
        made.image["plan_digest"],
    )
    assert json.loads(found[LOCK])["environments"][0]["name"] == "tiny"
    listed = json.loads(found[INSTALLED])
    assert listed["image_id"] == made.image["image_id"]
    paths = {row["path"]: row for row in listed["files"]}
    assert {"/opt/conda/envs/tiny/bin/python", "/usr/bin/env", "/etc/passwd"} <= set(paths)
    assert any(path.endswith(".pyc") for path in paths)
    assert not any("time" in key for row in listed["files"] for key in row)


def test_a_list_of_another_image_does_not_travel_with_it(made: Shop, lab: RealRegistry) -> None:
    kept = made.shop.root / ".imgbuild" / "tiny" / "sbom.cdx.json"
    whole = kept.read_text()
    kept.write_text(whole.replace(made.image["image_id"], "sha256:" + "0" * 64))
    try:
        beside = made.push(lab.host, name="team/listed").document["beside"]
    finally:
        kept.write_text(whole)
    assert set(beside) == {"lock.json", "source.json", "verdict.json", "sbom.spdx.json", "files.json"}


def test_again_nothing_is_pushed_and_all_stays(made: Shop, lab: RealRegistry) -> None:
    before = tags_of(lab)
    done = made.push(lab.host)
    assert done.code == 0, done.err
    assert not re.search(rf"^push +push {lab.host}", done.err, re.MULTILINE)
    assert tags_of(lab) == before


def test_tags_state_what_was_measured(made: Shop, lab: RealRegistry) -> None:
    done = made.push(lab.host, "--tag", "py{python}-{name}", "--tag", "stable", name="team/measured")
    assert done.code == 0, done.err
    (python,) = [
        one["numbers"]["python"] for one in made.image["verdict"]["results"] if one["name"] == "python"
    ]
    assert set(own_tags(lab, "team/measured")) == {f"py{python}-tiny", "stable"}
    done = made.push(lab.host, "--tag", "torch{torch}", name="team/measured")
    assert done.code == 2
    assert "nothing called 'torch' was measured" in done.err
    assert "python" in done.err


@pytest.mark.parametrize(
    "tag", ["a/b", "-x", "imgbuild-mine", "", "x" * 129, "sha256-" + "0" * 64, "sha256-" + "0" * 64 + ".sig"]
)
def test_what_is_no_tag_is_refused_before_anything(made: Shop, lab: RealRegistry, tag: str) -> None:
    before = tags_of(lab)
    assert made.push(lab.host, "--tag", tag).code == 2
    assert tags_of(lab) == before


def test_a_dry_run_writes_nothing(made: Shop, lab: RealRegistry) -> None:
    done = made.push(lab.host, "--dry-run", name="team/dry")
    assert done.code == 0, done.err
    assert (done.document["done"], done.document["digest"]) == (False, "")
    assert tags_of(lab, "team/dry") == {}


def test_what_was_not_proven_stays_here(made: Shop, lab: RealRegistry) -> None:
    record = made.shop.root / ".imgbuild" / "tiny" / "record.json"
    whole = record.read_text()
    document = json.loads(whole)
    faults = [
        ({**document, "image_id": "sha256:" + "0" * 64}, "no verdict about this very image is recorded here"),
        ({**document, "verdict": None}, "no verdict about this very image is recorded here"),
        (
            {**document, "verdict": {**document["verdict"], "not_proven": {"cpu": "only one"}}},
            "only a part of its tests",
        ),
    ]
    failed = [{**one, "outcome": "failed"} for one in document["verdict"]["results"]]
    faults.append(
        ({**document, "verdict": {**document["verdict"], "results": failed}}, "it did not pass its proof")
    )
    try:
        for changed, why in faults:
            record.write_text(json.dumps(changed))
            done = made.push(lab.host, name="team/unproven")
            assert done.code == 7
            assert why in done.err
            assert "--unproven REASON" in done.err
        assert tags_of(lab, "team/unproven") == {}
        done = made.push(lab.host, "--unproven", "a demo", "--tag", "demo", name="team/unproven")
        assert done.code == 0, done.err
        assert (done.document["proven"], done.document["unproven"]) == (False, "a demo")
    finally:
        record.write_text(whole)


def test_wrong_password(made: Shop, lab: RealRegistry) -> None:
    before = tags_of(lab)
    log_in(made.home, lab.host, password="wrong-horse-1")
    done = made.run("push", "tiny", "--to", f"{lab.host}/team/tiny", "--tag", "never")
    assert done.code == 7
    assert "docker login" in done.err
    assert tags_of(lab) == before
    assert "wrong-horse-1" not in done.err + done.out


def test_unknown_host(made: Shop) -> None:
    done = made.run("push", "tiny", "--to", "no-such-host.invalid/team/tiny")
    assert done.code == 7
    assert "nobody knows the host no-such-host.invalid" in done.err


def test_nothing_listens_there(made: Shop) -> None:
    done = made.run("push", "tiny", "--to", "127.0.0.1:9/team/tiny")
    assert done.code == 7
    assert "connection refused" in done.err


def test_a_name_with_a_tag_is_refused(made: Shop) -> None:
    assert made.run("push", "tiny", "--to", "example.org/team/tiny:1").code == 2


def faulty(number: int, faults: dict[int, Fault]) -> Fault | None:
    return faults.get(number)


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda number: Fault(answer=500) if number in {1, 4} else None, id="500"),
        pytest.param(lambda number: Fault(answer=429) if number in {2, 3} else None, id="429"),
        pytest.param(lambda number: Fault(after=50_000) if number in {1, 2, 5} else None, id="cut"),
    ],
)
def test_what_passes_is_waited_for(made: Shop, plain: RealRegistry, plan: Plan) -> None:
    with relay(plain.host, plan) as between:
        done = made.push(between.host, "--tag", "one")
        assert done.code == 0, done.err
        assert between.faults > 0
    assert own_tags(plain) == {"one": done.document["digest"]}


def test_what_does_not_pass_moves_no_tag_and_a_later_push_completes_it(
    made: Shop, plain: RealRegistry
) -> None:
    assert made.push(plain.host, "--tag", "stable", "--unproven", "x").code == 0
    before = own_tags(plain)
    with relay(plain.host, lambda _number: Fault(answer=503)) as between:
        done = made.push(between.host, "--tag", "stable", name="team/next")
        assert done.code == 7
        assert "503" in done.err
    assert own_tags(plain) == before
    assert own_tags(plain, "team/next") == {}
    done = made.push(plain.host, "--tag", "stable", name="team/next")
    assert done.code == 0, done.err
    assert own_tags(plain, "team/next") == {"stable": done.document["digest"]}


def test_a_registry_that_says_yes_and_stores_nothing(made: Shop, plain: RealRegistry) -> None:
    """What it took is gone from its disk by the time it is asked."""
    done = made.push(plain.host, "--tag", "stable")
    assert done.code == 0, done.err
    blobs = plain.home.parent / "data/docker/registry/v2/blobs/sha256"
    digest = made.image["image_id"].removeprefix("sha256:")
    (blobs / digest[:2] / digest / "data").unlink()
    links = plain.home.parent / f"data/docker/registry/v2/repositories/team/tiny/_layers/sha256/{digest}"
    (links / "link").unlink()
    again = made.push(plain.host, "--tag", "next")
    assert again.code in {0, 7}
    if again.code == 0:  # the engine pushed it anew
        assert (blobs / digest[:2] / digest / "data").exists()
    else:
        assert "holds something else or not all of it" in again.err
        assert "next" not in own_tags(plain)


def test_the_registrys_disk_is_full(made: Shop, tmp_path: Path) -> None:
    with small_disk(tmp_path / "lab", "8m") as disk, real_registry(disk.path) as real:
        done = made.push(real.host, "--tag", "stable", IMGBUILD_RETRIES="0")
        assert done.code == 7, done.err
        assert own_tags(real) == {}


def test_an_expired_certificate(made: Shop, tmp_path: Path) -> None:
    made_up = company(tmp_path, "registry.test", expired=True)
    with real_registry(tmp_path / "lab", made_up) as real:
        host = real.host.replace("127.0.0.1", "registry.test")
        hosts = Path("/etc/hosts").read_text()
        if "registry.test" not in hosts:
            Path("/etc/hosts").write_text(f"{hosts.rstrip()}\n127.0.0.1 registry.test\n")
        try:
            done = made.push(host)
        finally:
            Path("/etc/hosts").write_text(hosts)
        assert done.code == 7
        assert "certificate" in done.err


def test_no_secret_is_in_records_output_or_registry(made: Shop, lab: RealRegistry) -> None:
    """Byte by byte, in each spelling: what is said with -v, every file of the project, all that the registry stores
    (layers, what lies beside, lists), and what a refusal says."""
    done = made.push(lab.host, "-v", name="team/secrets")
    assert done.code == 0, done.err
    promoted = made.run("promote", f"{lab.host}/team/secrets:latest", f"{lab.host}/team/secrets:next", "-v")
    assert promoted.code == 0, promoted.err
    log_in(made.home, lab.host, password=WRONG)
    refused = made.run("push", "tiny", "--to", f"{lab.host}/team/secrets", "-v")
    assert refused.code == 7
    hunt = Hunt(PASSWORD, WRONG)
    said = "".join(one.out + one.err for one in (done, promoted, refused))
    assert list(hunt.leaks("output", said.encode())) == []
    assert hunt.below(made.shop.root) == []
    stored = lab.home.parent / "data"
    assert hunt.below(stored) == []
    assert hunt.looked > 100
    assert os.fspath(made.home) not in done.out
    # the same search finds what is there: in the output, in a record, in what lies beside, in a layer
    found = Hunt("team/secrets", "site-packages/pip", "verdict.json", made.image["image_id"])
    assert list(found.leaks("output", said.encode()))
    assert any("push.json" in line for line in found.below(made.shop.root / ".imgbuild"))
    assert len(found.below(stored)) > 3


def test_build_pushes_what_it_proved(made: Shop, lab: RealRegistry) -> None:
    log_in(made.home, lab.host)
    done = made.run("build", "tiny", "--push", f"{lab.host}/team/built", "--json")
    assert done.code == 0, done.err
    assert own_tags(lab, "team/built") == done.document["pushed"]["tags"]
    failed = made.run("build", "broken", "--kit", str(made.shop.kit), "--push", f"{lab.host}/team/broken")
    assert failed.code == 6
    assert tags_of(lab, "team/broken") == {}
    assert made.run("build", "tiny", "broken", "--push", f"{lab.host}/team/both").code == 2


def test_a_digest_is_promoted_within_its_registry(made: Shop, lab: RealRegistry) -> None:
    log_in(made.home, lab.host)
    pushed = made.push(lab.host, "--tag", "candidate", name="team/source").document
    done = made.run(
        "promote", f"{lab.host}/team/source:candidate", f"{lab.host}/team/source:stable", "--json"
    )
    assert done.code == 0, done.err
    assert done.document["images"] == [made.image["image_id"]]
    record = Path(done.document["record"])
    assert record.parent == made.shop.root / ".imgbuild/_promoted"
    assert json.loads(record.read_text()) == {k: v for k, v in done.document.items() if k != "record"}
    assert own_tags(lab, "team/source") == {"candidate": pushed["digest"], "stable": pushed["digest"]}
    other = made.run(
        "promote", f"{lab.host}/team/source@{pushed['digest']}", f"{lab.host}/prod/image:1", "--json"
    )
    assert other.code == 0, other.err
    assert own_tags(lab, "prod/image") == {"1": pushed["digest"]}
    with asking(lab) as registry:
        kinds = {one.kind for one in referrers(registry, "prod/image", pushed["digest"])}
    assert kinds == {VERDICT, LOCK, SOURCE, INSTALLED, *FILES}


def test_what_has_no_verdict_beside_it_is_not_promoted(made: Shop, lab: RealRegistry) -> None:
    lab.push(TAG, "team/bare:1")
    log_in(made.home, lab.host)
    words = ("promote", f"{lab.host}/team/bare:1", f"{lab.host}/team/bare:stable")
    done = made.run(*words)
    assert done.code == 7
    assert "no passed verdict about" in done.err
    assert "stable" not in own_tags(lab, "team/bare")
    forced = made.run(*words, "--unproven", "by hand", "--json")
    assert forced.code == 0
    assert json.loads(Path(forced.document["record"]).read_text())["unproven"] == "by hand"
    never = made.run("promote", words[1], f"{lab.host}/team/bare:{made.permanent}", "--unproven", "by hand")
    assert (never.code, made.permanent in tags_of(lab, "team/bare")) == (2, False)
    assert "stable" in own_tags(lab, "team/bare")
    assert made.run("promote", f"{lab.host}/team/bare:1", "example.org/team/bare:stable").code == 2
