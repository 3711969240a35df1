from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from builder.registry.challenge import challenges


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic", [("basic", {})]),
        ('Basic realm="a, b"', [("basic", {"realm": "a, b"})]),
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            'Basic realm="x", Bearer realm=y , error="a\\"b"',
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "error": 'a"b'})],
        ),
        ("", []),
        ('realm="x"', []),
        ('Bearer realm="never ends', [("bearer", {}), ("realm", {})]),
    ],
)
def test_challenges(header: str, found: list[tuple[str, dict[str, str]]]) -> None:
    assert [tuple(one) for one in challenges(header)] == found


@given(some.text(max_size=80))
def test_any_header_is_read_to_an_end(header: str) -> None:
    assert len(challenges(header)) <= 80
