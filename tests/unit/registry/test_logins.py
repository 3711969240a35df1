"""Docker's logins, from its file and from programs that keep them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from builder.network.places import Here
from builder.network.places.docker import Logins
from builder.network.redact import redacted

PASSWORD = "pa:ss-9182"


def pair(user: str = "me", password: str = PASSWORD) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def config(home: Path, document: object) -> Logins:
    text = document if isinstance(document, str) else json.dumps(document)
    (home / ".docker" / "config.json").write_text(text)
    return Logins(Here(home, {"PATH": f"{home / 'bin'}:/usr/bin:/bin"}))


def helper(home: Path, name: str, script: str) -> None:
    (home / "bin").mkdir(exist_ok=True)
    path = home / "bin" / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("h.org:5000", "h.org:5000"),
        ("https://h.org:5000/v2/", "h.org:5000"),
        ("http://h.org", "h.org"),
    ],
)
def test_a_login_of_the_file(home: Path, key: str, host: str) -> None:
    logins = config(home, {"auths": {key: {"auth": pair()}}})
    found = logins.for_host(host)
    assert found is not None
    assert (found.user, found.password, found.place) == ("me", PASSWORD, "~/.docker/config.json")
    assert logins.for_host("other.org") is None
    assert PASSWORD not in repr(found)
    assert redacted(f"x {PASSWORD} {pair()}") == "x *** ***"


def test_an_identity_token_of_the_file(home: Path) -> None:
    logins = config(home, {"auths": {"h.org": {"auth": pair("00", ""), "identitytoken": "idt-12345"}}})
    found = logins.for_host("h.org")
    assert found is not None
    assert (found.identity, found.password) == ("idt-12345", "")


def test_docker_config_names_another_folder(home: Path, tmp_path: Path) -> None:
    config(home, {"auths": {"h.org": {"auth": pair("wrong")}}})
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"auths": {"h.org": {"auth": pair("right")}}}))
    found = Logins(Here(home, {"DOCKER_CONFIG": str(other)})).for_host("h.org")
    assert found is not None
    assert found.user == "right"


@pytest.mark.parametrize("where", ["credHelpers", "credsStore"])
def test_a_helper_is_asked_by_name(home: Path, where: str) -> None:
    helper(
        home,
        "test",
        'read host; echo "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"u\\",\\"Secret\\":\\"s-$host\\"}"',
    )
    logins = config(home, {where: {"h.org": "test"} if where == "credHelpers" else "test"})
    found = logins.for_host("h.org")
    assert found is not None
    assert (found.user, found.password, found.place) == ("u", "s-h.org", "docker-credential-test")


def test_docker_hub_is_asked_for_by_its_old_name(home: Path) -> None:
    helper(home, "test", 'read host; echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"$host\\"}"')
    found = config(home, {"credsStore": "test"}).for_host("docker.io")
    assert found is not None
    assert found.password == "https://index.docker.io/v1/"


def test_a_helpers_token(home: Path) -> None:
    helper(home, "test", 'echo \'{"Username":"<token>","Secret":"idt-777"}\'')
    found = config(home, {"credsStore": "test"}).for_host("h.org")
    assert found is not None
    assert (found.identity, found.user) == ("idt-777", "")


def test_a_helper_that_has_none_leaves_the_file(home: Path) -> None:
    helper(home, "test", "echo credentials not found in native keychain; exit 1")
    logins = config(home, {"credsStore": "test", "auths": {"h.org": {"auth": pair()}}})
    assert logins.for_host("h.org") is not None
    assert logins.trouble == {}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo the keychain is locked; exit 1", "ended with code 1: the keychain is locked"),
        ("echo no json", "cannot be read"),
        ("echo '[]'", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_helper_that_fails_is_told(home: Path, script: str, why: str) -> None:
    helper(home, "test", script)
    logins = config(home, {"credsStore": "test"})
    assert logins.for_host("h.org") is None
    assert why in logins.trouble["h.org"]


def test_a_helper_that_is_not_there(home: Path) -> None:
    logins = config(home, {"credsStore": "nowhere"})
    assert logins.for_host("h.org") is None
    assert "docker-credential-nowhere cannot be run" in logins.trouble["h.org"]


def test_a_helper_that_hangs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, "test", "sleep 60")
    monkeypatch.setattr("builder.network.places.docker._SECONDS", 0.2)
    logins = config(home, {"credsStore": "test"})
    assert logins.for_host("h.org") is None
    assert "gave no answer" in logins.trouble["h.org"]


def test_a_helpers_name_cannot_name_another_program(home: Path) -> None:
    assert config(home, {"credsStore": "x/../../bin/sh"}).for_host("h.org") is None


@pytest.mark.parametrize(
    "document",
    ["", "no json", "[]", {"auths": []}, {"auths": {"h.org": 1}}, {"auths": {"h.org": {}}},
     {"auths": {"h.org": {"auth": "%%%"}}}, {"auths": {"h.org": {"auth": 7}}}, {"credsStore": 7},
     {"credHelpers": ["h.org"]}, {"auths": {"h.org": {"auth": ""}}}],
)  # fmt: skip
def test_a_config_that_holds_nothing(home: Path, document: object) -> None:
    assert config(home, document).for_host("h.org") is None
