"""What the engine says of a push that failed, in its own words, and what that is."""

from __future__ import annotations

import pytest

from builder.engine.pushing import refusal
from builder.registry.faults import is_passing

DIGEST = "4294295030a1" + "b" * 52  # digits that are statuses elsewhere


@pytest.mark.parametrize(
    ("message", "kind", "passing"),
    [
        ("denied: requested access to the resource is denied", "denied", False),
        ("unauthorized: authentication required", "denied", False),
        ("no basic auth credentials", "denied", False),
        (
            'Get "https://r.example/v2/": dial tcp: lookup r.example on 127.0.0.53:53: no such host',
            "address",
            False,
        ),
        ('Get "https://r.example/v2/": x509: certificate signed by unknown authority', "untrusted", False),
        (
            'Get "https://r.example/v2/": x509: certificate has expired or is not yet valid',
            "untrusted",
            False,
        ),
        ('Get "https://r.example/v2/": http: server gave HTTP response to HTTPS client', "untrusted", False),
        (
            'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused',
            "unreachable",
            False,
        ),
        ("received unexpected HTTP status: 500 Internal Server Error", "busy", True),
        ("received unexpected HTTP status: 503 Service Unavailable", "busy", True),
        ("toomanyrequests: You have reached your pull rate limit", "busy", True),
        ('Put "http://r.example/v2/x/blobs/uploads/": EOF', "unreachable", True),
        ("write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe", "unreachable", True),
        ("read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer", "unreachable", True),
        ("net/http: TLS handshake timeout", "unreachable", True),
        ("filesystem: mkdir /data/docker: no space left on device", "full", False),
        ("name unknown: repository name not known to registry", "missing", False),
        (f"manifest invalid: blob sha256:{DIGEST} is of the wrong size", "broken", False),
        ("", "broken", False),
    ],
)
def test_a_refusal_is_told_by_kind(message: str, kind: str, passing: bool) -> None:
    error = refusal(message, "r.example/x:1")
    assert (error.kind, error.exit_code, error.where) == (kind, 7, "r.example/x:1")
    assert error.what
    assert error.fix
    assert is_passing(error) is passing
