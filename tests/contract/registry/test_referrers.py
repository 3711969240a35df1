"""What lies beside an image, with a registry that speaks distribution-spec 1.1, with one that does not, and between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import RegistryError
from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.registry import write
from builder.registry.client import Registry
from builder.registry.referrers import Attachment, attach, fallback_tag, read_attachment, referrers
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.settings.patience import Policy
from builder.values import canonical_json
from tests.support.fake_registry import INDEX, MANIFEST, Asked, Reply
from tests.support.oci_registry import OciRegistry

NAME = "team/image"
LOCK = Attachment(kind="application/vnd.imgbuild.lock.v1+json", name="lock.json", content=b'{"lock": 1}')
VERDICT = Attachment(
    kind="application/vnd.imgbuild.verdict.v1+json", name="verdict.json", content=b'{"v": 1}'
)


@pytest.fixture
def writer(site: OciRegistry, tmp_path: Path) -> Iterator[Writer]:
    with Wire(DaemonTrust(), Policy(attempts=2, pause=0.01)) as wire:
        yield Writer(
            Registry(site.host, wire, Logins(Here(tmp_path, {}))), NAME, Policy(attempts=2, pause=0.01)
        )


def image(writer: Writer, tag: str = "1") -> tuple[str, int]:
    """Digest and size of the manifest of a small image."""
    config = writer.put_bytes(b'{"os": "linux", "architecture": "amd64"}')
    layer = writer.put_bytes(b"layer")
    rows = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 5}]
    head = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 40}
    body = canonical_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": head, "layers": rows})
    return writer.put_manifest(tag, body, MANIFEST), len(body)


def beside(writer: Writer, digest: str, kind: str = "") -> dict[str, bytes]:
    """What lies there, by its name."""
    rows = referrers(writer.registry, NAME, digest, kind)
    return {
        row.annotations["org.opencontainers.image.title"]: read_attachment(writer.registry, NAME, row)
        for row in rows
    }


def put(writer: Writer, subject: tuple[str, int], *attachments: Attachment) -> None:
    for one in attachments:
        attach(writer, subject[0], MANIFEST, subject[1], one)


def test_the_api_is_used_where_the_registry_says_that_it_saw_the_subject(
    site: OciRegistry, writer: Writer
) -> None:
    subject = image(writer)
    put(writer, subject, LOCK, VERDICT, LOCK)
    assert beside(writer, subject[0]) == {"lock.json": LOCK.content, "verdict.json": VERDICT.content}
    assert sorted(site.repositories[NAME].tags) == ["1"]
    assert any(line.startswith(f"GET /v2/{NAME}/referrers/{subject[0]}") for line in site.lines)


def test_the_tag_is_used_where_it_does_not(site: OciRegistry, writer: Writer) -> None:
    site.referrers_api = False
    subject = image(writer)
    put(writer, subject, LOCK, VERDICT, LOCK)
    assert beside(writer, subject[0]) == {"lock.json": LOCK.content, "verdict.json": VERDICT.content}
    tag = subject[0].replace(":", "-")
    assert sorted(site.repositories[NAME].tags) == ["1", tag]
    found = writer.find_manifest(tag)
    assert found is not None
    rows = json.loads(found.body)["manifests"]
    assert [row["artifactType"] for row in rows] == [LOCK.kind, VERDICT.kind]
    assert [row["annotations"] for row in rows] == [LOCK.annotations, VERDICT.annotations]


@pytest.mark.parametrize("forgets", [True, False], ids=["lists-new-ones-only", "lists-old-ones-too"])
def test_both_are_one_list_where_the_registry_was_upgraded_in_between(
    site: OciRegistry, writer: Writer, forgets: bool
) -> None:
    site.referrers_api, site.forgets = False, forgets
    subject = image(writer)
    put(writer, subject, LOCK)
    site.referrers_api = True
    assert beside(writer, subject[0]) == {"lock.json": LOCK.content}
    put(writer, subject, VERDICT)
    assert beside(writer, subject[0]) == {"lock.json": LOCK.content, "verdict.json": VERDICT.content}
    assert len(referrers(writer.registry, NAME, subject[0])) == 2


@pytest.mark.parametrize("filters", [True, False], ids=["filters", "does-not-filter"])
@pytest.mark.parametrize("api", [True, False], ids=["api", "tag"])
def test_one_kind_is_asked_for(site: OciRegistry, writer: Writer, filters: bool, api: bool) -> None:
    site.filters, site.referrers_api = filters, api
    subject = image(writer)
    put(writer, subject, LOCK, VERDICT)
    assert beside(writer, subject[0], LOCK.kind) == {"lock.json": LOCK.content}
    assert beside(writer, subject[0], "application/other") == {}
    assert any("?artifactType=application%2Fvnd.imgbuild.lock.v1%2Bjson" in line for line in site.lines)


@pytest.mark.parametrize("filters", [True, False], ids=["filters", "does-not-filter"])
def test_a_long_list_comes_page_by_page(site: OciRegistry, writer: Writer, filters: bool) -> None:
    site.page, site.filters = 3, filters
    subject = image(writer)
    many = [LOCK.model_copy(update={"name": f"{number}.json"}) for number in range(10)]
    put(writer, subject, *many, VERDICT)
    assert set(beside(writer, subject[0])) == {one.name for one in (*many, VERDICT)}
    assert set(beside(writer, subject[0], LOCK.kind)) == {one.name for one in many}
    assert sum("next=" in line for line in site.lines) >= 6


def test_a_list_without_an_end_is_refused(
    site: OciRegistry, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = image(writer)
    monkeypatch.setattr("builder.registry.referrers._PAGES", 5)
    link = {"Content-Type": INDEX, "Link": f'</v2/{NAME}/referrers/{subject[0]}?again=1>; rel="next"'}
    page = Reply(200, json.dumps({"schemaVersion": 2, "manifests": []}).encode(), link)
    site.rule = lambda asked: page if "/referrers/" in asked.line else None
    with pytest.raises(RegistryError, match="has no end"):
        referrers(writer.registry, NAME, subject[0])


def test_a_list_that_goes_on_at_another_host_is_refused(site: OciRegistry, writer: Writer) -> None:
    subject = image(writer)
    link = {"Content-Type": INDEX, "Link": '<http://127.0.0.1:9/v2/x>; rel="next"'}
    page = Reply(200, json.dumps({"schemaVersion": 2, "manifests": []}).encode(), link)
    site.rule = lambda asked: page if "/referrers/" in asked.line else None
    with pytest.raises(RegistryError, match="goes on elsewhere"):
        referrers(writer.registry, NAME, subject[0])


def test_a_page_for_people_is_no_list(site: OciRegistry, writer: Writer) -> None:
    """Some servers answer 200 for whatever they do not know."""
    site.referrers_api = False
    subject = image(writer)
    put(writer, subject, LOCK)
    page = Reply(200, b"<html>welcome</html>", {"Content-Type": "text/html"})
    site.rule = lambda asked: page if "/referrers/" in asked.line else None
    assert beside(writer, subject[0]) == {"lock.json": LOCK.content}


def test_what_is_no_list_under_the_tag_is_none_to_a_reader_and_is_not_overwritten(
    site: OciRegistry, writer: Writer
) -> None:
    site.referrers_api = False
    subject = image(writer)
    other, _ = image(writer, fallback_tag(subject[0]))
    assert beside(writer, subject[0]) == {}
    with pytest.raises(RegistryError, match="is none"):
        put(writer, subject, LOCK)
    assert site.repositories[NAME].tags[fallback_tag(subject[0])] == other


def test_of_two_that_write_the_list_at_once_both_are_in_it(site: OciRegistry, writer: Writer) -> None:
    site.referrers_api = False
    subject = image(writer)
    put(writer, subject, LOCK)
    place, tag = site.repositories[NAME], fallback_tag(subject[0])
    before, lost = place.tags[tag], []

    def rule(asked: Asked) -> Reply | None:
        """Somebody else's list, made from what was there before ours, lands after ours, once."""
        if asked.line.startswith("PUT ") and asked.line.endswith(tag) and not lost:
            lost.append(asked.line)
            return Reply(201)
        return None

    site.rule = rule
    put(writer, subject, VERDICT)
    assert lost
    assert place.tags[tag] != before
    assert set(beside(writer, subject[0])) == {"lock.json", "verdict.json"}


def test_a_list_that_never_holds_what_was_put_is_named(site: OciRegistry, writer: Writer) -> None:
    site.referrers_api = False
    subject = image(writer)
    tag = fallback_tag(subject[0])
    site.rule = lambda asked: Reply(201) if asked.line == f"PUT /v2/{NAME}/manifests/{tag}" else None
    with pytest.raises(RegistryError, match="its list lacks what was put"):
        put(writer, subject, LOCK)


@pytest.mark.parametrize(
    ("digest", "tag"),
    [
        (f"sha256:{'a' * 64}", f"sha256-{'a' * 64}"),
        (f"sha512:{'a' * 128}", f"sha512-{'a' * 64}"),
        (
            "test+algorithm+using+algorithm+separators:some=thing",
            "test-algorithm-using-algorithm-s-some-thing",
        ),
    ],
)
def test_the_tag_of_a_digest(digest: str, tag: str) -> None:
    """The cases of the specification's table."""
    assert fallback_tag(digest) == tag


def test_blobs_go_in_pieces_and_are_mounted(
    site: OciRegistry, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the server: that it speaks what our client and Debian's registry speak."""
    monkeypatch.setattr(write, "PIECE", 1000)
    digest = writer.put_bytes(b"0123456789" * 250)
    assert site.repositories[NAME].blobs[digest] == b"0123456789" * 250
    other = Writer(writer.registry, "team/other", Policy(attempts=1))
    assert other.mount_blob(digest, NAME)
    assert other.has_blob(digest)
    assert not other.mount_blob(f"sha256:{'0' * 64}", NAME)
