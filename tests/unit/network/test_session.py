"""A secret goes to the address it is for; redirects, proxies and certificates as the machine has them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from builder.errors import BuildError, UsageError
from builder.lock.model import LockedFile
from builder.network.credentials import Credentials, credentials
from builder.network.secret import Entry, Secret, entry_of_url
from builder.network.session import Session
from builder.store.cache import Store
from builder.store.download import Policy
from builder.store.fetch import fetch
from tests.support.guarded import Rule, basic, bearer, guarded, token
from tests.support.lock_samples import SampleSource
from tests.support.proxy import forward_proxy
from tests.support.tls import company

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
BODY = b"some package"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Path]:
    """A file to ask for; no proxies and no CAs of the developer's."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "x.conda").write_bytes(BODY)
    return {"files": tmp_path / "www"}


def knows(secret: Secret, host: str = "127.0.0.1", path: str = "") -> Credentials:
    return Credentials(lambda: [Entry(secret, host, path=path)])


@pytest.mark.parametrize(
    ("secret", "rule"),
    [
        (Secret("basic", "secret-1", "me"), basic("me", "secret-1")),
        (Secret("bearer", "secret-2"), bearer("secret-2")),
        (Secret("token", "secret-3"), token("secret-3")),
    ],
)
def test_each_kind_opens_its_door_and_goes_nowhere_else(
    folders: Mapping[str, Path], secret: Secret, rule: Rule
) -> None:
    """The other server gets neither a header nor, as `Referer`, the URL with the token."""
    with guarded(folders) as other, guarded(folders, rule, moved=other.url) as first:
        host = first.url.removeprefix("http://")
        with Session(knows(secret, host)) as session:
            answer = session.get(f"{first.url}/files/x.conda")
        assert (answer.status_code, answer.content) == (200, BODY)
        assert len(first.heads) == len(other.heads) == 1
        assert secret.value not in other.said()
        assert "authorization" not in {name.lower() for name in other.heads[0][1]}


def test_the_netrc_of_the_other_server_is_not_sent_after_a_redirect(
    folders: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "home" / ".netrc"
    path.write_text("machine localhost login me password secret-4\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))  # requests would look there
    with guarded(folders) as other:
        named = other.url.replace("127.0.0.1", "localhost")
        with guarded(folders, moved=named) as first, Session() as session:
            assert session.get(f"{first.url}/files/x.conda").content == BODY
            assert session.get(f"{named}/files/x.conda").content == BODY
    assert "Authorization" not in other.heads[0][1]
    assert "Authorization" in other.heads[1][1]  # asked for itself


def test_a_path_is_a_border(folders: Mapping[str, Path]) -> None:
    with guarded(folders) as web, Session(knows(Secret("bearer", "secret-5"), path="/files")) as session:
        session.get(f"{web.url}/files/x.conda")
        session.get(f"{web.url}/filesystem/x.conda")
    assert ["Authorization" in head for _line, head in web.heads] == [True, False]


def test_a_mirror_has_its_own_credentials(
    folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is kept for the canonical host stays with it."""
    with guarded(folders, basic("me", "for-the-mirror")) as mirror:
        entries = [
            entry_of_url("https://u:for-the-origin@conda.example.org/files", "here"),
            entry_of_url(mirror.url.replace("//", "//me:for-the-mirror@"), "here"),
        ]
        monkeypatch.setattr(
            "builder.network.session.credentials",
            lambda: Credentials(lambda: [one for one in entries if one]),
        )
        file = LockedFile(
            url="https://conda.example.org/files/x.conda",
            sha256=hashlib.sha256(BODY).hexdigest(),
            size=len(BODY),
        )
        source = SampleSource()
        monkeypatch.setattr(
            source, "address", lambda url: url.replace("https://conda.example.org", mirror.url)
        )
        found = fetch([file], source, Store(tmp_path / "store"))
        assert found[file.sha256].read_bytes() == BODY
        assert "for-the-origin" not in mirror.said()


def test_who_is_refused_reads_where_credentials_go(folders: Mapping[str, Path], tmp_path: Path) -> None:
    with guarded(folders, basic("me", "secret-6")) as web:
        file = LockedFile(url=f"{web.url}/files/x.conda", sha256=hashlib.sha256(BODY).hexdigest())
        with pytest.raises(BuildError, match="answered 401") as caught:
            fetch([file], SampleSource(), Store(tmp_path / "store"))
        assert "machine 127.0.0.1 login" in caught.value.fix
        path = tmp_path / "home" / ".netrc"
        path.write_text("machine 127.0.0.1 login me password secret-old\n")
        path.chmod(0o600)
        credentials.cache_clear()
        with pytest.raises(BuildError, match="answered 401") as caught:
            fetch([file], SampleSource(), Store(tmp_path / "store"))
        assert "~/.netrc" in caught.value.fix
        assert "secret-old" not in str(caught.value)


class TestCertificates:
    def test_a_ca_that_is_not_trusted(self, folders: Mapping[str, Path], tmp_path: Path) -> None:
        with guarded(folders, tls=company(tmp_path).load) as web:
            file = LockedFile(url=f"{web.url}/files/x.conda", sha256=hashlib.sha256(BODY).hexdigest())
            with pytest.raises(BuildError, match="certificate is not trusted") as caught:
                fetch([file], SampleSource(), Store(tmp_path / "store"), policy=Policy(pause=0.0))
        assert "SSL_CERT_FILE" in caught.value.fix

    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_a_ca_of_a_variable(
        self, folders: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        made = company(tmp_path)
        monkeypatch.setenv(variable, str(made.pem))
        with guarded(folders, tls=made.load) as web, Session() as session:
            assert session.get(f"{web.url}/files/x.conda").content == BODY

    def test_the_ca_of_another_company(
        self, folders: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other").mkdir()
        monkeypatch.setenv("SSL_CERT_FILE", str(company(tmp_path / "other").pem))
        with (
            guarded(folders, tls=company(tmp_path).load) as web,
            Session() as session,
            pytest.raises(requests.exceptions.SSLError),
        ):
            session.get(f"{web.url}/files/x.conda")

    def test_a_variable_that_names_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
        with pytest.raises(UsageError, match="REQUESTS_CA_BUNDLE") as caught:
            Session()
        assert "nowhere.pem" in caught.value.where


class TestProxies:
    def test_it_is_asked_with_its_password(
        self, folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with guarded(folders, basic("me", "secret-7")) as web, forward_proxy("proxy-pass") as proxy:
            port = int(web.url.rsplit(":", 1)[1])
            proxy.route["files.test"] = ("127.0.0.1", port)
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            with Session(knows(Secret("basic", "secret-7", "me"), "files.test")) as session:
                assert session.get("http://files.test/files/x.conda").content == BODY
            assert proxy.asked == ["GET http://files.test/files/x.conda"]
            assert "proxy-pass" not in web.said()

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
    def test_tls_goes_through_it(
        self, folders: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        made = company(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(made.pem))
        with guarded(folders, tls=made.load) as web, forward_proxy() as proxy:
            proxy.route["localhost"] = ("127.0.0.1", int(web.url.rsplit(":", 1)[1]))
            monkeypatch.setenv(name, proxy.url)
            with Session() as session:
                assert session.get("https://localhost/files/x.conda").content == BODY
            assert proxy.asked == ["CONNECT localhost:443"]

    def test_no_proxy(self, folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        with guarded(folders) as web, forward_proxy() as proxy, Session() as session:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            assert session.get(f"{web.url}/files/x.conda").content == BODY
            assert proxy.asked == []

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_proxy_that_refuses(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
        with forward_proxy("right-one") as proxy:
            monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url.replace("right-one", "wrong-one"))
            file = LockedFile(url=f"{scheme}://files.test/files/x.conda", sha256="0" * 64)
            with pytest.raises(BuildError, match="407") as caught:
                fetch([file], SampleSource(), Store(tmp_path / "store"), policy=Policy(pause=0.0))
            assert "HTTPS_PROXY" in caught.value.fix
            assert "wrong-one" not in str(caught.value)
            assert len(proxy.refused) == 1


def test_offline_is_asked_nowhere(folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "IMGBUILD_OFFLINE", "1")
    with guarded(folders) as web, Session() as session:
        with pytest.raises(BuildError, match="offline"):
            session.get(f"{web.url}/files/x.conda")
        assert web.heads == []
