"""`push` and `promote` against a registry of distribution-spec 1.1: what lies beside, several platforms, who may.

The engines are of memory and write to the registry over the wire; everything else is the command's own. The same with
the real engine and Debian's registry: tests/integration/test_push.py and test_two_platforms.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from builder.errors import ImgbuildError, LockError, RegistryError
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.progress import Event, silent
from builder.publish.tags import permanent_tag
from builder.publish.travel import LOCK, VERDICT
from builder.registry.client import Registry
from builder.registry.referrers import Attachment, attach
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.sbom.documents import FILES
from builder.settings.patience import Policy
from builder.workflow.promote import promote
from builder.workflow.published import in_registry, lock_beside
from tests.support.fake_registry import MANIFEST, Asked, Reply, errors
from tests.support.oci_registry import OciRegistry, Repository, oci_registry
from tests.support.pair import AMD64, ARM64, Machine
from tests.support.real_registry import PASSWORD, USER, log_in

pytestmark = pytest.mark.usefixtures("own_home")
NAME = "team/pair"


def place(site: OciRegistry, name: str = NAME) -> Repository:
    return site.repositories.setdefault(name, Repository())


def own_tags(site: OciRegistry, name: str = NAME) -> dict[str, str]:
    """Those that a user would see."""
    tags = place(site, name).tags
    return {tag: digest for tag, digest in tags.items() if not tag.startswith(("imgbuild-", "sha256-"))}


def index_at(site: OciRegistry, tag: str, name: str = NAME) -> dict[str, str]:
    """Digests by platform under a tag."""
    found = place(site, name).find(tag)
    assert found is not None
    rows = json.loads(found[2])["manifests"]
    return {f"{row['platform']['os']}/{row['platform']['architecture']}": row["digest"] for row in rows}


# ---- what lies beside


@pytest.mark.parametrize("api", [True, False], ids=["api", "tag"])
def test_what_is_laid_beside_is_what_verify_reads(
    site: OciRegistry, pair: tuple[Machine, Machine], api: bool
) -> None:
    site.referrers_api = api
    pushed = pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    assert set(pushed.beside) == {"lock.json", "verdict.json", "files.json", *FILES.values()}
    assert any(tag.startswith("sha256-") for tag in place(site).tags) is not api
    name = f"{site.host}/{NAME}:1"
    subject = in_registry(name, AMD64, None)
    assert subject.beside is not None
    assert (subject.beside.image_id, subject.beside.plan_digest) == (pushed.image_id, pushed.plan_digest)
    lock = lock_beside(name, AMD64, None)
    assert lock is not None
    assert lock.digest == pushed.lock_digest
    listed = subject.installed(pushed.plan_digest)
    assert listed is not None
    assert (listed.image_id, set(listed.entries)) == (pushed.image_id, {"/opt/content"})


@pytest.mark.parametrize("forgets", [True, False], ids=["lists-new-ones-only", "lists-old-ones-too"])
def test_a_registry_that_was_upgraded_in_between(
    site: OciRegistry, pair: tuple[Machine, Machine], forgets: bool
) -> None:
    site.referrers_api, site.forgets = False, forgets
    first = pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    site.referrers_api = True
    name = f"{site.host}/{NAME}:1"
    assert in_registry(name, AMD64, None).beside is not None
    assert promote(name, f"{site.host}/prod/pair:1", silent).images == (first.image_id,)
    assert {row["artifactType"] for row in rows_beside(site, first.digest, "prod/pair")} >= {
        LOCK,
        VERDICT,
        *FILES,
    }


def rows_beside(site: OciRegistry, digest: str, name: str = NAME) -> list[dict[str, Any]]:
    """What the API of the registry says."""
    reply = site.serve(Asked(f"GET /v2/{name}/referrers/{digest}", {}, b""))
    rows: list[dict[str, Any]] = json.loads(reply.body)["manifests"]
    return rows


def test_what_others_laid_beside_it_is_promoted_byte_for_byte(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    """A signature, say: several layers, a configuration and annotations of its own."""
    pushed = pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    blobs = place(site).blobs
    layers = [b"first", b"second"]
    rows = [
        {"mediaType": "application/x-sign", "size": len(one), "digest": put(blobs, one)} for one in layers
    ]
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": rows,
        "config": {"mediaType": "application/vnd.example.sign", "size": 3, "digest": put(blobs, b"{1}")},
        "subject": {"mediaType": MANIFEST, "digest": pushed.digest, "size": 1},
        "annotations": {"dev.example/who": "release"},
    }  # fmt: skip
    body = json.dumps(document, indent=3).encode()
    asked = Asked(f"PUT /v2/{NAME}/manifests/x", {"Content-Type": MANIFEST}, body)
    digest = site.serve(asked).headers["Docker-Content-Digest"]
    promote(f"{site.host}/{NAME}:1", f"{site.host}/prod/pair:1", silent)
    (row,) = [row for row in rows_beside(site, pushed.digest, "prod/pair") if row["digest"] == digest]
    assert row["artifactType"] == "application/vnd.example.sign"
    assert place(site, "prod/pair").manifests[digest] == (MANIFEST, body)
    assert {b"first", b"second", b"{1}"} <= set(place(site, "prod/pair").blobs.values())


def put(blobs: dict[str, bytes], data: bytes) -> str:
    import hashlib

    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    blobs[digest] = data
    return digest


def test_the_files_are_read_once_for_one_image(site: OciRegistry, pair: tuple[Machine, Machine]) -> None:
    machine = pair[0]
    first = machine.push(f"{site.host}/{NAME}", alone=True)
    again = machine.push(f"{site.host}/{NAME}", alone=True)
    assert again.beside == first.beside
    assert machine.engine.calls.count("save") == 1  # type: ignore[attr-defined]
    machine.build("another")
    assert machine.push(f"{site.host}/{NAME}", alone=True).beside["files.json"] != first.beside["files.json"]
    assert machine.engine.calls.count("save") == 2  # type: ignore[attr-defined]


def test_what_was_put_in_its_place_is_held_against_the_files_of_the_image_of_its_plan(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    """Nothing lies beside the changed image; under the permanent tag of the plan lies the one that was proven. A list
    that is about another image than the one that it lies beside is none."""
    machine = pair[0]
    pushed = machine.push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    machine.build("changed")
    machine.engine.tag("imgbuild-test/pair-fake/pair:latest", ref := f"{site.host}/{NAME}:1")
    digest = machine.engine.push(ref, silent)
    subject = in_registry(ref, AMD64, None)
    for _time in range(2):
        listed = subject.installed(pushed.plan_digest)
        assert listed is not None
        assert listed.image_id == pushed.image_id not in subject.ids
        copied = (
            place(site)
            .manifests[pushed.beside["files.json"]][1]
            .replace(pushed.digest.encode(), digest.encode())
        )
        site.serve(Asked(f"PUT /v2/{NAME}/manifests/x", {"Content-Type": MANIFEST}, copied))
    assert subject.installed("of another plan") is None


# ---- several platforms


def test_the_tags_are_put_when_all_platforms_are_there(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    amd64, arm64 = pair
    told: list[Event] = []
    first = amd64.push(f"{site.host}/{NAME}", told.append, tags=("1", "latest"))
    assert (first.tags, first.index, first.waiting) == ({}, "", {ARM64: "it is not there yet"})
    assert own_tags(site) == {}
    assert any("add --alone" in str(event) for event in told)
    second = arm64.push(f"{site.host}/{NAME}", tags=("1", "latest"))
    assert second.waiting == {}
    assert own_tags(site) == second.tags == {"1": second.index, "latest": second.index}
    assert index_at(site, "latest") == {AMD64: first.digest, ARM64: second.digest}
    for platform, pushed in ((AMD64, first), (ARM64, second)):
        subject = in_registry(f"{site.host}/{NAME}:1", platform, None)
        assert subject.ids[0] == pushed.image_id
        assert subject.beside is not None
        assert subject.beside.image_id == pushed.image_id


def test_whoever_is_last_and_whoever_pushes_again_the_index_and_its_tags_are_the_same(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    amd64, arm64 = pair
    arm64.push(f"{site.host}/team/turned")
    turned = amd64.push(f"{site.host}/team/turned")
    amd64.push(f"{site.host}/{NAME}")
    pushed = arm64.push(f"{site.host}/{NAME}")
    assert (turned.index, turned.tags) == (pushed.index, pushed.tags)
    assert set(pushed.tags) > {"latest"}
    again = amd64.push(f"{site.host}/{NAME}")
    assert (again.index, again.tags, again.moved) == (pushed.index, pushed.tags, {})


def test_a_platform_of_another_plan_does_not_come_into_the_index(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    amd64, arm64 = pair
    amd64.push(f"{site.host}/{NAME}", tags=("stable",))
    old = arm64.push(f"{site.host}/{NAME}", tags=("stable",)).index
    amd64.change("labels: {org.example.team: vision}").build("changed")
    waiting = amd64.push(f"{site.host}/{NAME}", tags=("stable",))
    assert waiting.waiting == {ARM64: "it is not there yet"}
    assert own_tags(site) == {"stable": old}
    arm64.change("labels: {org.example.team: vision}").build("changed")
    new = arm64.push(f"{site.host}/{NAME}", tags=("stable",))
    assert new.moved == {"stable": old}
    assert index_at(site, "stable") == {AMD64: waiting.digest, ARM64: new.digest}


def test_the_same_plan_built_anew_takes_its_place(site: OciRegistry, pair: tuple[Machine, Machine]) -> None:
    amd64, arm64 = pair
    amd64.push(f"{site.host}/{NAME}", tags=("1",))
    other = arm64.push(f"{site.host}/{NAME}", tags=("1",)).digest
    amd64.build("built again")
    again = amd64.push(f"{site.host}/{NAME}", tags=("1",))
    assert index_at(site, "1") == {AMD64: again.digest, ARM64: other}


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"io.imgbuild.plan": "0" * 64}, "says that it is another image"),
        ({}, "no passed verdict lies beside it yet"),
    ],
    ids=["another-plan", "no-verdict"],
)
def test_what_lies_under_a_permanent_tag_must_be_it(
    site: OciRegistry, pair: tuple[Machine, Machine], labels: dict[str, str], why: str
) -> None:
    """Pushed there by hand, and not by `imgbuild push`."""
    amd64, arm64 = pair
    amd64.build("by hand", labels)
    amd64.engine.tag(
        "imgbuild-test/pair-fake/pair:latest", ref := f"{site.host}/{NAME}:{permanent_tag(amd64.plan.digest)}"
    )
    amd64.engine.push(ref, silent)
    pushed = arm64.push(f"{site.host}/{NAME}", tags=("1",))
    assert why in pushed.waiting[AMD64]
    assert own_tags(site) == {}


def test_half_an_image_is_not_there(site: OciRegistry, pair: tuple[Machine, Machine]) -> None:
    amd64, arm64 = pair
    first = amd64.push(f"{site.host}/{NAME}")
    (layer,) = json.loads(place(site).manifests[first.digest][1])["layers"]
    lost = place(site).blobs.pop(layer["digest"])
    assert arm64.push(f"{site.host}/{NAME}", tags=("1",)).waiting == {AMD64: "it is not there yet"}
    assert own_tags(site) == {}
    place(site).blobs[layer["digest"]] = lost
    assert own_tags(site) == {}
    assert arm64.push(f"{site.host}/{NAME}", tags=("1",)).waiting == {}
    assert set(own_tags(site)) == {"1"}


def test_one_that_is_not_proven_waits_unless_somebody_says_why(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    amd64, arm64 = pair
    amd64.build("fails", passed=False)
    amd64.push(f"{site.host}/{NAME}", tags=("1",), unproven="a demo")
    assert "no passed verdict" in arm64.push(f"{site.host}/{NAME}", tags=("1",)).waiting[AMD64]
    assert own_tags(site) == {}
    assert arm64.push(f"{site.host}/{NAME}", tags=("1",), unproven="the other half is a demo").waiting == {}
    assert set(own_tags(site)) == {"1"}


def test_alone_the_tags_stand_for_one(site: OciRegistry, pair: tuple[Machine, Machine]) -> None:
    pushed = pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    assert own_tags(site) == {"1": pushed.digest}


def test_a_dry_run_says_what_would_be_waited_for(site: OciRegistry, pair: tuple[Machine, Machine]) -> None:
    amd64, arm64 = pair
    said = amd64.push(f"{site.host}/{NAME}", dry_run=True)
    assert (said.done, said.waiting) == (False, {ARM64: "it is not there yet"})
    assert place(site).tags == {}
    arm64.push(f"{site.host}/{NAME}")
    assert amd64.push(f"{site.host}/{NAME}", dry_run=True).waiting == {}


def test_without_a_lock_for_the_other_nothing_is_pushed(
    site: OciRegistry, pair: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "1")
    amd64 = pair[0].lock(AMD64)
    amd64.build()
    with pytest.raises(LockError, match="has no lock for linux/arm64") as caught:
        amd64.push(f"{site.host}/{NAME}")
    assert "--alone" in caught.value.fix
    assert place(site).tags == {}
    assert not any(line.startswith("POST") for line in site.lines)
    assert amd64.push(f"{site.host}/{NAME}", tags=("1",), alone=True).tags


def test_an_index_is_promoted_with_all_that_lies_beside_each(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    amd64, arm64 = pair
    first, second = amd64.push(f"{site.host}/{NAME}"), arm64.push(f"{site.host}/{NAME}")
    done = promote(f"{site.host}/{NAME}:latest", f"{site.host}/prod/pair:1", silent)
    assert done.digest == second.index
    assert set(done.images) == {first.image_id, second.image_id}
    assert own_tags(site, "prod/pair") == {"1": second.index}
    for one in (first, second):
        kinds = {row["artifactType"] for row in rows_beside(site, one.digest, "prod/pair")}
        assert kinds >= {LOCK, VERDICT, *FILES}


# ---- who may


@pytest.fixture
def guarded(own_home: Path) -> Iterator[OciRegistry]:
    """USER may do everything in team/, and read elsewhere; nobody else may do anything."""

    def may(user: str, name: str, action: str) -> bool:
        return user == USER and (action == "pull" or name.startswith("team/"))

    with oci_registry(users={USER: PASSWORD}, may=may) as made:
        log_in(own_home, made.host)
        yield made


@pytest.mark.parametrize("status", [401, 403])
def test_a_repository_that_one_may_not_push_to_is_named(
    guarded: OciRegistry, pair: tuple[Machine, Machine], status: int
) -> None:
    guarded.refuses = status
    assert pair[0].push(f"{guarded.host}/{NAME}", tags=("1",), alone=True).tags
    promote_fails = pytest.raises(RegistryError, match="push to prod/pair")
    with promote_fails as caught:
        promote(f"{guarded.host}/{NAME}:1", f"{guarded.host}/prod/pair:1", silent)
    assert (caught.value.kind, caught.value.exit_code) == ("denied", 7)
    place(guarded, "prod/pair").tags["1"] = "sha256:before"
    with pytest.raises(RegistryError) as caught:
        pair[0].push(f"{guarded.host}/prod/pair", tags=("1",), alone=True)
    error = caught.value
    assert (error.kind, error.exit_code) == ("denied", 7)
    assert "does not let the login of" in error.what
    assert f"push to prod/pair ({status})" in error.what
    assert error.where == f"{guarded.host}/prod/pair"
    assert "ask whoever runs it" in error.fix
    assert place(guarded, "prod/pair").tags == {"1": "sha256:before"}
    assert place(guarded, "prod/pair").blobs == {}
    assert PASSWORD not in f"{error} {error.detail}"


def test_a_token_server_that_refuses_instead_of_giving_less(
    guarded: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    own = guarded.rule

    def rule(asked: Asked) -> Reply | None:
        if asked.line.startswith("GET /token") and "prod%2Fpair" in asked.line:
            return Reply(403, errors("DENIED", "permission_denied: write_package"))
        return own(asked)

    guarded.rule = rule
    with pytest.raises(RegistryError, match=r"no right to push to prod/pair \(403\)") as caught:
        pair[0].push(f"{guarded.host}/prod/pair", alone=True)
    assert (caught.value.kind, caught.value.exit_code) == ("denied", 7)
    assert "permission_denied" in caught.value.detail
    assert place(guarded, "prod/pair").tags == {}


@pytest.mark.parametrize("password", ["", "wrong-horse"])
def test_without_the_right_login_nothing_is_put(
    guarded: OciRegistry, pair: tuple[Machine, Machine], own_home: Path, password: str
) -> None:
    if password:
        log_in(own_home, guarded.host, password=password)
    else:
        (own_home / ".docker/config.json").unlink()
    with pytest.raises(ImgbuildError) as caught:
        pair[0].push(f"{guarded.host}/{NAME}", tags=("1",), alone=True)
    assert caught.value.exit_code == 7
    assert "docker login" in caught.value.fix
    assert place(guarded).tags == {}
    assert "wrong-horse" not in f"{caught.value} {caught.value.detail}"


def test_a_repository_that_comes_to_be_with_its_first_push(
    guarded: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    """There are registries that let nobody read what is not there yet, but who may push."""
    own = guarded.rule

    def rule(asked: Asked) -> Reply | None:
        if asked.line.startswith("GET /token") and asked.line.endswith("pull") and not place(guarded).tags:
            return Reply(403, errors("DENIED", "requested access to the resource is denied"))
        return own(asked)

    guarded.rule = rule
    assert pair[0].push(f"{guarded.host}/{NAME}", tags=("1",), alone=True).tags


def test_a_push_that_stops_among_the_tags_is_recorded(
    site: OciRegistry, pair: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Writer.put_manifest

    def put(self: Writer, wanted: str, body: bytes, media_type: str) -> str:
        if wanted == "second":
            raise RegistryError("broken", "the registry answers 500", where="it")
        return real(self, wanted, body, media_type)

    monkeypatch.setattr(Writer, "put_manifest", put)
    with pytest.raises(RegistryError) as caught:
        pair[0].push(f"{site.host}/{NAME}", alone=True, tags=("first", "second", "third"))
    assert "put were first; second was on its way" in caught.value.detail
    (path,) = pair[0].project.root.glob(".imgbuild/*/push.json")
    kept = json.loads(path.read_text())
    assert list(kept["tags"]) == ["first"]
    assert kept["failed"] == "second: the registry answers 500"


def test_an_answer_that_was_lost_at_the_end_sends_nothing_again(
    site: OciRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, piece, sent = Writer._finish, Writer._piece, []

    def lost(self: Writer, place: str, digest: str) -> None:
        finish(self, place, digest)
        raise RegistryError("unreachable", "the connection was cut", where=place)

    def counted(self: Writer, place: str, content: BinaryIO, at: int) -> tuple[str, int]:
        sent.append(at)
        return piece(self, place, content, at)

    monkeypatch.setattr(Writer, "_finish", lost)
    monkeypatch.setattr(Writer, "_piece", counted)
    policy = Policy(attempts=3, pause=0.01)
    with Wire(DaemonTrust(), policy) as wire:
        writer = Writer(Registry(site.host, wire, Logins(here())), NAME, policy)
        digest = writer.put_bytes(b"all of it")
        assert writer.has_blob(digest, 9)
    assert sent == [0]


def test_a_damaged_document_beside_it_does_not_hide_the_good_one(
    site: OciRegistry, pair: tuple[Machine, Machine]
) -> None:
    pushed = pair[0].push(f"{site.host}/{NAME}", tags=("1",), alone=True)
    policy = Policy(attempts=2, pause=0.01)
    with Wire(DaemonTrust(), policy) as wire:
        writer = Writer(Registry(site.host, wire, Logins(here())), NAME, policy)
        body = writer.registry.manifest(NAME, pushed.digest).body
        junk = Attachment(kind=VERDICT, name="verdict.json", content=b"no verdict")
        attach(writer, pushed.digest, MANIFEST, len(body), junk)
        gone = Attachment(kind=VERDICT, name="verdict.json", content=b"a blob that was collected")
        attach(writer, pushed.digest, MANIFEST, len(body), gone)
        assert place(site).blobs.pop(f"sha256:{hashlib.sha256(gone.content).hexdigest()}")
    assert in_registry(f"{site.host}/{NAME}:1", AMD64, None).beside is not None
    assert promote(f"{site.host}/{NAME}:1", f"{site.host}/{NAME}:2", silent).images == (pushed.image_id,)
