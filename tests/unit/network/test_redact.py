"""What must not get out: proxies as people write them, headers, and passwords with characters of their own."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from builder.lock.target import Target
from builder.lock.uv import UnresolvableError, explained
from builder.network.redact import MASK, public, redacted
from builder.network.secret import Secret


@pytest.mark.parametrize(
    ("proxy", "password"),
    [
        ("http://user:sesame-1@proxy.example.org:3128", "sesame-1"),
        ("user:sesame-2@proxy.example.org:3128", "sesame-2"),
        ("http://user:sesa#me3@proxy.example.org:3128", "sesa#me3"),
        ("http://user:sesa/me4@proxy.example.org:3128", "sesa/me4"),
        ("http://user:sesa@me5@proxy.example.org:3128", "sesa@me5"),
        ("http://user:sesa[me6@proxy.example.org:3128", "sesa[me6"),
        ("http://user:sesa%5Bme7@proxy.example.org:3128", "sesa[me7"),
    ],
)
def test_no_spelling_of_a_proxy_lets_its_password_out(
    monkeypatch: pytest.MonkeyPatch, proxy: str, password: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    told = redacted(f"cannot reach {proxy}: {password}")
    assert password not in told
    assert "proxy.example.org:3128" in told


def test_a_password_ends_at_the_last_at() -> None:
    assert redacted("see https://u:p@ss@host.example.org/x") == f"see https://{MASK}@host.example.org/x"


def test_a_token_as_a_user_name_is_known_as_a_header_too() -> None:
    secret = Secret("basic", "", user="token-as-name")
    pair = secret.headers["Authorization"].removeprefix("Basic ")
    assert pair == b64encode(b"token-as-name:").decode()
    assert redacted(f"sent {pair}") == f"sent {MASK}"


def test_what_is_no_url_is_masked_as_a_whole() -> None:
    assert public("http://user:p[ss@host/") == MASK


def test_a_package_named_after_connections_is_no_fault_of_the_network(tmp_path: Path) -> None:
    said = "Because there is no version of some-connection==99, your requirements are unsatisfiable."
    error = explained(said, Target("3.12.1", "linux/amd64", "2.36"), "environment.yml", tmp_path)
    assert isinstance(error, UnresolvableError)
    cut = explained(
        "Connection refused (os error 111)", Target("3.12.1", "linux/amd64", "2.36"), "e.yml", tmp_path
    )
    assert not isinstance(cut, UnresolvableError)
