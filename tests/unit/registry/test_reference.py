"""Names are read as docker reads them (distribution/reference:normalize_test.go has the same cases)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from builder.errors import UsageError
from builder.registry.reference import parse_reference

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "full", "api"),
    [
        ("debian", "docker.io/library/debian:latest", "registry-1.docker.io"),
        ("debian:12", "docker.io/library/debian:12", "registry-1.docker.io"),
        ("team/image", "docker.io/team/image:latest", "registry-1.docker.io"),
        ("docker.io/debian", "docker.io/library/debian:latest", "registry-1.docker.io"),
        ("index.docker.io/library/debian:12", "docker.io/library/debian:12", "registry-1.docker.io"),
        ("localhost/a", "localhost/a:latest", "localhost"),
        ("host:5000/a/b", "host:5000/a/b:latest", "host:5000"),
        ("host:5000/a/b:1.0-x", "host:5000/a/b:1.0-x", "host:5000"),
        (f"host:5000/a/b@{DIGEST}", f"host:5000/a/b@{DIGEST}", "host:5000"),
        (f"host:5000/a/b:1@{DIGEST}", f"host:5000/a/b:1@{DIGEST}", "host:5000"),
        ("registry.example.org/a", "registry.example.org/a:latest", "registry.example.org"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000"),
        ("Registry/a", "Registry/a:latest", "Registry"),
        ("a/b/c/d", "docker.io/a/b/c/d:latest", "registry-1.docker.io"),
    ],
)
def test_references(text: str, full: str, api: str) -> None:
    found = parse_reference(text)
    assert str(found) == full
    assert found.api == api
    assert parse_reference(str(found)) == found


def test_a_digest_is_asked_for_before_a_tag() -> None:
    assert parse_reference(f"h.org/a:1@{DIGEST}").wanted == DIGEST
    assert parse_reference("h.org/a:1").wanted == "1"


@pytest.mark.parametrize(
    "text",
    ["", ":1", "@", "a:", "Debian", "a//b", "a/B", "a:la test", "a@sha256:12", "a@md5:00", "https://h/a", "a\nb",
     "h.org/", "-a", "h_x.org:80/a", "a" * 256, f"a:{'t' * 129}", "host:123456/a"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text)
    assert caught.value.where.isprintable()


@given(some.text(max_size=40))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        found = parse_reference(text)
    except UsageError:
        return
    assert parse_reference(str(found)) == found
