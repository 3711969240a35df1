"""rattler, the relay, uv and our downloads cross the same networks: a company's CA, its proxy, its redirects."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guarded import everybody, guarded
from tests.support.private_site import PASSWORD, TOKEN, USER, Site, private_site
from tests.support.proxy import forward_proxy
from tests.support.tls import company
from tests.support.workshop import Ran

OPEN = (everybody, everybody)
NAMES = ("conda.test", "wheels.test")


def lock_and_render(site: Site) -> Ran:
    done = site.run("lock", "secretive", *site.installer(), "-v")
    assert done.code == 0, done.err
    words = ("render", "secretive", *site.installer(), "--output", str(site.root / "context"), "-v")
    rendered = site.run(*words)
    assert rendered.code == 0, rendered.err
    return Ran(0, done.out + rendered.out, done.err + rendered.err)


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_a_companys_ca_holds_for_all(tmp_path: Path, private: bool) -> None:
    made = company(tmp_path)
    rules = {} if private else {"rules": OPEN}
    with private_site(tmp_path, tls=made, **rules) as site:  # type: ignore[arg-type]
        site.variables["SSL_CERT_FILE"] = str(made.pem)
        if private:
            site.keep_token_in_condarc()
            site.keep_password_in_netrc()
        lock_and_render(site)
        assert "https://127.0.0.1" in site.lock_text


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_a_channel_whose_ca_is_unknown(tmp_path: Path, private: bool) -> None:
    with private_site(tmp_path, tls=company(tmp_path), rules=OPEN) as site:
        if private:
            site.keep_token_in_condarc()
        done = site.run("lock", "secretive", *site.installer(), "--json")
        assert done.code == 3
        error = done.document["error"]
        assert f"the certificate of {site.channel.url}/private/" in error["what"]
        assert "is not trusted" in error["what"]
        assert "SSL_CERT_FILE" in error["fix"]
        assert "Traceback" not in done.err


def test_an_index_whose_ca_is_unknown(tmp_path: Path) -> None:
    with (
        private_site(tmp_path / "a", rules=OPEN) as site,
        private_site(tmp_path / "b", rules=OPEN, tls=company(tmp_path)) as other,
    ):
        site.variables["IMGBUILD_WHEEL_INDEX"] = other.variables["IMGBUILD_WHEEL_INDEX"]
        site.variables["UV_HTTP_RETRIES"] = "0"
        done = site.run("lock", "secretive", *site.installer(), "--json")
        assert done.code == 3
        error = done.document["error"]
        assert f"the certificate of {other.wheels.url}/simple/" in error["what"]
        assert "SSL_CERT_FILE" in error["fix"]


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_everything_goes_through_the_proxy(tmp_path: Path, private: bool) -> None:
    """The names are known to the proxy alone, and it wants a password that nobody else gets to see."""
    made = company(tmp_path, *NAMES)
    rules = {} if private else {"rules": OPEN}
    with (
        private_site(tmp_path, tls=made, hosts=NAMES, **rules) as site,  # type: ignore[arg-type]
        forward_proxy("proxy-5ecret-word") as proxy,
    ):
        for name, web in zip(NAMES, (site.channel, site.wheels), strict=True):
            proxy.route[name] = ("127.0.0.1", int(web.url.rsplit(":", 1)[1]))
        site.variables |= {"SSL_CERT_FILE": str(made.pem), "HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url}
        if private:
            (site.home / ".condarc").write_text(f"channels: ['https://conda.test/t/{TOKEN}/private']\n")
            (site.home / ".netrc").write_text(f"machine wheels.test login {USER} password {PASSWORD}\n")
        done = lock_and_render(site)
        assert set(proxy.asked) == {"CONNECT conda.test:443", "CONNECT wheels.test:443"}
        for secret in ("proxy-5ecret-word", *((TOKEN, PASSWORD) if private else ())):
            assert site.files_with(secret) == []
            assert secret not in done.out + done.err


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_a_proxy_that_refuses(tmp_path: Path, private: bool) -> None:
    with private_site(tmp_path, hosts=NAMES, rules=OPEN) as site, forward_proxy("right-word-1") as proxy:
        if private:
            (site.home / ".condarc").write_text(f"channels: ['https://conda.test/t/{TOKEN}/private']\n")
        site.variables["HTTPS_PROXY"] = proxy.url.replace("right-word-1", "wrong-word-1")
        done = site.run("lock", "secretive", *site.installer(), "--json", "-v")
        assert done.code == 3
        assert "proxy" in done.document["error"]["what"] + done.document["error"]["fix"], done.out
        assert "wrong-word-1" not in done.out + done.err
        assert TOKEN not in done.out + done.err


def test_redirects_carry_no_secret(tmp_path: Path) -> None:
    """A channel and an index that hand out links to storage elsewhere."""
    with private_site(tmp_path) as site:
        folders = {
            "private": tmp_path / "channel",
            "simple": tmp_path / "simple",
            "packages": tmp_path / "wheels",
        }
        with guarded(folders) as storage:
            site.channel.moved = site.wheels.moved = storage.url.replace("127.0.0.1", "localhost")
            site.keep_token_in_condarc()
            site.keep_password_in_netrc()
            lock_and_render(site)
            assert storage.heads
            for secret in (TOKEN, PASSWORD, "YnVpbGRlci03"):  # the beginning of the pair in base64
                assert secret not in storage.said()
            assert f"{site.channel.url}/private" in site.lock_text
