"""Logins, tokens, TLS and redirects: who gets to see what."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from builder.errors import RegistryError
from builder.registry.trust import DaemonTrust, daemon_trust
from tests.support.fake_registry import Asked, FakeRegistry, Reply, Rule, errors, fake_registry, wants
from tests.support.proxy import forward_proxy
from tests.support.tls import company
from tests.unit.registry.conftest import Read

PASSWORD = "pa:ss-9182-word"
LABELS = {"x": "y"}
PAIR = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
BASIC = f"Basic {PAIR}"


def log_in(home: Path, host: str, **row: str) -> None:
    document = {"auths": {host: row or {"auth": PAIR}}}
    (home / ".docker" / "config.json").write_text(json.dumps(document))


def gives(token: str, *good: str, key: str = "token") -> Rule:
    """A token server that wants one of these headers, or none where none is named."""

    def rule(asked: Asked) -> Reply | None:
        if good and asked.authorization not in good:
            return Reply(401, errors("UNAUTHORIZED", "wrong"))
        return Reply(200, json.dumps({key: token}).encode())

    return rule


def challenge(tokens: FakeRegistry) -> str:
    return f'Bearer realm="{tokens.url}/token",service="lab",scope="repository:a/b:pull"'


def test_anonymous_asks_without_any_header(read: Read) -> None:
    with fake_registry() as site:
        site.image("a/b", "1", Labels=LABELS)
        assert read(f"{site.host}/a/b:1").labels == LABELS
        assert {one.authorization for one in site.asked} == {""}


def test_netrc_is_not_dockers(read: Read, home: Path) -> None:
    (home / ".netrc").write_text(f"default login me password {PASSWORD}\n")
    (home / ".netrc").chmod(0o600)
    with fake_registry() as site:
        site.image("a/b", "1")
        site.rule = wants('Basic realm="x"', BASIC)
        with pytest.raises(RegistryError):
            read(f"{site.host}/a/b:1")
        assert {one.authorization for one in site.asked} == {""}


def test_basic(read: Read, home: Path) -> None:
    with fake_registry() as site:
        site.image("a/b", "1", Labels=LABELS)
        site.rule = wants('Basic realm="x"', BASIC)
        log_in(home, site.host)
        assert read(f"{site.host}/a/b:1").labels == LABELS
        assert [one.authorization for one in site.asked if one.line != "GET /v2/"] == ["", BASIC, BASIC]


def test_a_refused_login_names_its_place_and_not_itself(read: Read, home: Path) -> None:
    with fake_registry() as site:
        site.rule = wants('Basic realm="x"')
        log_in(home, site.host)
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
    told = f"{caught.value} {caught.value.detail}"
    assert caught.value.kind == "denied"
    assert "~/.docker/config.json" in told
    assert f"docker login {site.host}" in told
    assert PASSWORD not in told


@pytest.mark.parametrize("status", [401, 403])
def test_without_a_login_one_is_advised(read: Read, status: int) -> None:
    with fake_registry() as site:
        site.rule = lambda _asked: Reply(
            status, errors("DENIED", "no"), {"WWW-Authenticate": 'Basic realm="x"'}
        )
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
    assert caught.value.kind == "denied"
    assert "log in with `docker login" in caught.value.fix
    assert caught.value.detail == "DENIED: no"


def test_a_helper_that_failed_is_told_with_the_refusal(read: Read, home: Path) -> None:
    (home / ".docker/config.json").write_text(json.dumps({"credsStore": "nowhere"}))
    with fake_registry() as site:
        site.rule = wants('Basic realm="x"', BASIC)
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
    assert "docker-credential-nowhere cannot be run" in caught.value.detail


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_an_anonymous_token(read: Read, key: str) -> None:
    with fake_registry() as site, fake_registry() as tokens:
        site.image("a/b", "1", Labels=LABELS)
        site.rule = wants(challenge(tokens), "Bearer tk-4711")
        tokens.rule = gives("tk-4711", key=key)
        assert read(f"{site.host}/a/b:1").labels == LABELS
        (asked,) = tokens.lines
        assert parse_qs(asked.split("?")[1]) == {"service": ["lab"], "scope": ["repository:a/b:pull"]}


def test_a_token_for_a_login(read: Read, home: Path) -> None:
    """The password goes to the token server alone, the token to the registry alone."""
    with fake_registry() as site, fake_registry() as tokens:
        site.image("a/b", "1", Labels=LABELS)
        site.rule = wants(challenge(tokens), "Bearer tk-4711")
        tokens.rule = gives("tk-4711", BASIC)
        log_in(home, site.host)
        assert read(f"{site.host}/a/b:1").labels == LABELS
        assert BASIC not in {one.authorization for one in site.asked}
        assert [one.authorization for one in tokens.asked] == [BASIC]


def test_an_identity_token_is_posted(read: Read, home: Path) -> None:
    with fake_registry() as site, fake_registry() as tokens:
        site.image("a/b", "1", Labels=LABELS)
        site.rule = wants(challenge(tokens), "Bearer tk-4711")
        tokens.rule = gives("tk-4711", key="access_token")
        log_in(home, site.host, identitytoken="idt-998877")
        assert read(f"{site.host}/a/b:1").labels == LABELS
        (asked,) = tokens.asked
        assert asked.line == "POST /token"
        form = {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}
        assert form["grant_type"] == "refresh_token"
        assert form["refresh_token"] == "idt-998877"
        assert form["scope"] == "repository:a/b:pull"


def test_a_token_server_that_refuses(read: Read, home: Path) -> None:
    with fake_registry() as site, fake_registry() as tokens:
        site.rule = wants(challenge(tokens), "Bearer tk-4711")
        tokens.rule = gives("tk-4711", "Basic other")
        log_in(home, site.host)
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
    assert caught.value.kind == "denied"
    assert "the token server refuses the login" in caught.value.what
    assert caught.value.detail == "UNAUTHORIZED: wrong"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'"x"', b"{}", b'{"token": 7}', b'{"token": "a\\nb"}', b'{"token": ""}', b"[" * 100_000],
)
def test_a_token_server_that_gives_no_token(read: Read, body: bytes) -> None:
    with fake_registry() as site, fake_registry() as tokens:
        site.rule = wants(challenge(tokens), "Bearer tk-4711")
        tokens.rule = lambda _asked: Reply(200, body)
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
    assert caught.value.kind == "broken"


@pytest.mark.parametrize("realm", ["", "ftp://x/y", "nothing", "http://user:pw@h.test/x", "http://[x/"])
def test_a_realm_that_is_none(read: Read, realm: str) -> None:
    with fake_registry() as site:
        site.rule = wants(f'Bearer realm="{realm}"')
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1")
    assert caught.value.kind == ("broken" if realm else "denied")


@pytest.mark.usefixtures("named")
def test_no_login_is_sent_unencrypted_for_an_encrypted_registry(
    read: Read, home: Path, tmp_path: Path
) -> None:
    made = company(tmp_path, "lab.test")
    with fake_registry(made.load) as site, fake_registry() as tokens:
        port = tokens.host.partition(":")[2]
        site.rule = wants(f'Bearer realm="http://tokens.test:{port}/token"', "Bearer tk-4711")
        tokens.rule = gives("tk-4711")
        name = site.host.replace("127.0.0.1", "lab.test")
        log_in(home, name)
        with pytest.raises(RegistryError, match="not encrypted"):
            read(f"{name}/a/b:1", trust=certified(tmp_path, name, made.pem))
        assert tokens.asked == []


def certified(root: Path, host: str, pem: Path) -> DaemonTrust:
    folder = root / "etc/docker/certs.d" / host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(pem.read_bytes())
    return daemon_trust(root, root / "home")


@pytest.mark.usefixtures("named")
def test_a_certificate_of_certs_d(read: Read, tmp_path: Path) -> None:
    made = company(tmp_path, "lab.test")
    with fake_registry(made.load) as site:
        site.image("a/b", "1", Labels=LABELS)
        name = site.host.replace("127.0.0.1", "lab.test")
        with pytest.raises(RegistryError) as caught:
            read(f"{name}/a/b:1")
        assert caught.value.kind == "untrusted"
        assert f"/etc/docker/certs.d/{name}/ca.crt" in caught.value.fix
        assert site.asked == []
        assert read(f"{name}/a/b:1", trust=certified(tmp_path, name, made.pem)).labels == LABELS


@pytest.mark.usefixtures("named")
def test_a_client_certificate_of_certs_d(read: Read, tmp_path: Path) -> None:
    """A server that lets in only who shows one that its CA made."""
    import ssl

    import trustme

    ca = trustme.CA()
    server, client = ca.issue_cert("lab.test"), ca.issue_cert("client.test")

    def load(context: ssl.SSLContext) -> None:
        server.configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

    with fake_registry(load) as site:
        site.image("a/b", "1", Labels=LABELS)
        name = site.host.replace("127.0.0.1", "lab.test")
        folder = tmp_path / "etc/docker/certs.d" / name
        folder.mkdir(parents=True)
        ca.cert_pem.write_to_path(str(folder / "ca.crt"))
        trust = daemon_trust(tmp_path, tmp_path / "home")
        with pytest.raises(RegistryError) as caught:
            read(f"{name}/a/b:1", trust=trust, attempts=1)
        # Its alert may be lost, because TLS 1.3 lets us speak before it has looked.
        assert caught.value.kind in {"denied", "unreachable"}
        client.cert_chain_pems[0].write_to_path(str(folder / "client.cert"))
        client.private_key_pem.write_to_path(str(folder / "client.key"))
        assert read(f"{name}/a/b:1", trust=trust).labels == LABELS


@pytest.mark.usefixtures("named")
def test_an_insecure_registry_is_taken_as_it_is(read: Read, tmp_path: Path) -> None:
    made = company(tmp_path, "other.test")
    with fake_registry(made.load) as site:
        site.image("a/b", "1", Labels=LABELS)
        name = site.host.replace("127.0.0.1", "lab.test")
        assert read(f"{name}/a/b:1", trust=DaemonTrust(insecure=(name,))).labels == LABELS
        assert read(f"{site.host}/a/b:1").labels == LABELS  # loopback is, always


@pytest.mark.usefixtures("named")
def test_a_secure_registry_is_never_asked_in_the_clear(read: Read) -> None:
    with fake_registry() as site:
        site.image("a/b", "1")
        name = site.host.replace("127.0.0.1", "lab.test")
        with pytest.raises(RegistryError):
            read(f"{name}/a/b:1", attempts=1)
        assert site.asked == []


def test_certificates_that_cannot_be_read(read: Read, tmp_path: Path) -> None:
    from builder.errors import UsageError

    pem = tmp_path / "empty.pem"
    pem.write_text("no certificate")
    with pytest.raises(UsageError) as caught:
        read("lab.test:1/a:1", trust=certified(tmp_path, "lab.test:1", pem))
    assert caught.value.where.endswith("ca.crt")


def moved(to: str, status: int = 307) -> Rule:
    def rule(asked: Asked) -> Reply | None:
        path = asked.line.split(" ")[1]
        return Reply(status, b"", {"Location": f"{to}{path}"}) if "/blobs/" in path else None

    return rule


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_no_login_along(read: Read, home: Path, status: int) -> None:
    with fake_registry() as site, fake_registry() as storage:
        site.image("a/b", "1", Labels=LABELS)
        storage.pages = dict(site.pages)
        may, goes = wants('Basic realm="x"', BASIC), moved(storage.url, status)
        site.rule = lambda asked: may(asked) or goes(asked)
        log_in(home, site.host)
        assert read(f"{site.host}/a/b:1").labels == LABELS
        assert [one.authorization for one in storage.asked] == [""]
        assert not any(PASSWORD in repr(one.headers) or PAIR in repr(one.headers) for one in storage.asked)


def test_a_redirect_within_the_registry_keeps_it(read: Read, home: Path) -> None:
    with fake_registry() as site:
        site.image("a/b", "1", Labels=LABELS)
        may = wants('Basic realm="x"', BASIC)

        def rule(asked: Asked) -> Reply | None:
            path = asked.line.split(" ")[1]
            if "/blobs/" in path and "?" not in path:
                return may(asked) or Reply(307, b"", {"Location": f"{path}?again=1"})
            return may(asked)

        site.rule = rule
        log_in(home, site.host)
        assert read(f"{site.host}/a/b:1").labels == LABELS


@pytest.mark.parametrize("target", ["ftp://x/y", "http://", "//", "http://[x"])
def test_a_redirect_to_what_is_no_url(read: Read, target: str) -> None:
    with fake_registry() as site:
        site.image("a/b", "1")
        site.rule = lambda asked: Reply(307, b"", {"Location": target}) if "/blobs/" in asked.line else None
        with pytest.raises(RegistryError) as caught:
            read(f"{site.host}/a/b:1", attempts=1)
    assert caught.value.kind in {"broken", "unreachable"}


def test_a_redirect_without_an_end(read: Read) -> None:
    with fake_registry() as site:
        site.image("a/b", "1")
        site.rule = lambda asked: (
            Reply(307, b"", {"Location": "/again"}) if "manifests" not in asked.line else None
        )
        with pytest.raises(RegistryError, match="sends on and on"):
            read(f"{site.host}/a/b:1")
        assert len(site.lines) < 10


@pytest.mark.usefixtures("named")
def test_no_redirect_leads_out_of_encryption(read: Read, tmp_path: Path) -> None:
    made = company(tmp_path, "lab.test")
    with fake_registry(made.load) as site, fake_registry() as storage:
        site.image("a/b", "1")
        storage.pages = dict(site.pages)
        site.rule = moved(storage.url.replace("127.0.0.1", "storage.test"))
        name = site.host.replace("127.0.0.1", "lab.test")
        with pytest.raises(RegistryError, match="not encrypted"):
            read(f"{name}/a/b:1", trust=certified(tmp_path, name, made.pem))
        assert storage.asked == []


def test_nothing_secret_is_logged(read: Read, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    from builder.network.redact import redacted

    caplog.set_level(logging.DEBUG)
    with fake_registry() as site, fake_registry() as tokens:
        site.image("a/b", "1")
        site.rule = wants(challenge(tokens), "Bearer tk-4711-secret")
        tokens.rule = gives("tk-4711-secret", BASIC)
        log_in(home, site.host)
        read(f"{site.host}/a/b:1")
    said = redacted(caplog.text)
    assert not any(secret in said for secret in (PASSWORD, PAIR, "tk-4711-secret"))


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
def test_loopback_is_asked_past_the_proxy(read: Read, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with fake_registry() as site, forward_proxy() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        site.image("a/b", "1", Labels=LABELS)
        assert read(f"{site.host}/a/b:1").labels == LABELS
        assert proxy.asked == []


def test_all_others_are_asked_through_the_proxy(
    read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The name is known to the proxy alone; the token server is asked through it as well."""
    made = company(tmp_path, "lab.test")
    with fake_registry(made.load) as site, forward_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        host, _, port = site.host.partition(":")
        proxy.route["lab.test"] = (host, int(port))
        site.image("a/b", "1", Labels=LABELS)
        assert read("lab.test/a/b:1", trust=certified(tmp_path, "lab.test", made.pem)).labels == LABELS
        assert proxy.asked == ["CONNECT lab.test:443"]
