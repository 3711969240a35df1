"""From a private channel and a private index to a context on disk, as a user does it; and the secrets are nowhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.guarded import everybody
from tests.support.private_site import PASSWORD, SECRETS, TOKEN, USER, Site, private_site
from tests.support.proxy import forward_proxy
from tests.support.workshop import Ran


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with private_site(tmp_path) as made:
        yield made


def lock(site: Site, *words: str) -> Ran:
    return site.run("lock", "secretive", *site.installer(), *words)


def test_locked_fetched_and_rendered_without_a_trace(site: Site, tmp_path: Path) -> None:
    site.keep_token_in_condarc()
    site.keep_password_in_netrc()
    done = lock(site, "-v")
    assert done.code == 0, done.err
    rendered = site.run(
        "render", "secretive", *site.installer(), "--output", str(site.root / "context"), "-v"
    )
    assert rendered.code == 0, rendered.err
    assert f"{site.channel.url}/private/noarch/inner-1.0-0.conda" in site.lock_text
    assert f"{site.wheels.url}/packages/inner_wheel-2.0-py3-none-any.whl" in site.lock_text
    assert (site.root / "context" / "Dockerfile").is_file()
    for secret in SECRETS:
        assert site.files_with(secret) == []
        assert secret not in done.out + done.err + rendered.out + rendered.err
    assert TOKEN in site.channel.said()  # it was used


def test_offline_asks_nobody(site: Site) -> None:
    """The same lock and context from what is here; then everything that is missing, by name."""
    site.keep_token_in_condarc()
    site.keep_password_in_netrc()
    assert lock(site).code == 0
    first = site.lock_text
    words = ("render", "secretive", *site.installer(), "--output")
    assert site.run(*words, str(site.root / "one")).code == 0
    asked = len(site.channel.heads) + len(site.wheels.heads)
    again = lock(site, "--offline")
    assert again.code == 0, again.err
    assert site.lock_text == first
    assert site.run(*words, str(site.root / "two"), "--offline").code == 0
    assert site.run("plan", "secretive", *site.installer(), IMGBUILD_OFFLINE="1").code == 0
    shutil.rmtree(site.home / "store" / "sha256")
    lacking = site.run(*words, str(site.root / "three"), IMGBUILD_OFFLINE="1")
    assert lacking.code == 5
    assert "offline" in lacking.err
    assert "inner-1.0-0.conda" in lacking.err
    assert "inner_wheel-2.0-py3-none-any.whl" in lacking.err
    shutil.rmtree(site.home / "store")
    unknown = lock(site, "--offline")
    assert unknown.code == 3
    assert "offline" in unknown.err
    assert "without --offline" in unknown.err
    assert len(site.channel.heads) + len(site.wheels.heads) == asked


def test_wheels_that_were_never_fetched(site: Site) -> None:
    site.keep_token_in_condarc()
    site.keep_password_in_netrc()
    assert lock(site).code == 0
    shutil.rmtree(site.home / ".cache" / "uv")
    done = lock(site, "--offline")
    assert done.code == 3
    assert "offline, and what the pip section needs was not fetched before" in done.err


def test_a_channel_without_its_token(site: Site) -> None:
    done = lock(site, "--json")
    assert done.code == 3
    error = done.document["error"]
    assert site.channel.url in error["what"]
    assert "wants credentials" in error["what"]
    assert ".netrc" in error["fix"]
    assert ".condarc" in error["fix"]


def test_a_token_that_is_refused(site: Site) -> None:
    site.keep_token_in_condarc()
    site.variables["CHANNEL_TOKEN"] = "tk-00000000-old"
    done = lock(site, "-v", "--json")
    assert done.code == 3
    assert "~/.condarc" in done.document["error"]["fix"]
    assert "tk-00000000-old" not in done.out + done.err
    assert "tk-00000000-old" in site.channel.said()


def test_an_index_without_its_password(site: Site) -> None:
    site.keep_token_in_condarc()
    done = lock(site, "--json")
    assert done.code == 3
    error = done.document["error"]
    assert f"{site.wheels.url}/simple" in error["what"]
    assert "credentials" in error["what"]
    assert ".netrc" in error["fix"]


def test_a_password_that_is_refused(site: Site) -> None:
    site.keep_token_in_condarc()
    (site.home / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password wr0ng-passw0rd\n")
    done = lock(site, "-v", "--json")
    assert done.code == 3
    assert "~/.netrc" in done.document["error"]["fix"]
    assert "chmod 600" in done.err
    assert "wr0ng-passw0rd" not in done.out + done.err


@pytest.mark.parametrize("place", ["named", "inline", "uv.toml", "login"])
def test_an_index_through_uv(site: Site, place: str) -> None:
    site.keep_token_in_condarc()
    inline = site.wheels.url.replace("://", f"://{USER}:pa%25ss%2Fw0rd%3A9c1f%26e@") + "/simple"
    if place == "named":
        site.variables |= {
            "UV_INDEX": f"company={site.wheels.url}/simple",
            "UV_INDEX_COMPANY_USERNAME": USER,
            "UV_INDEX_COMPANY_PASSWORD": PASSWORD,
        }
    elif place == "inline":
        site.variables |= {"UV_DEFAULT_INDEX": inline, "IMGBUILD_WHEEL_INDEX": ""}
    elif place == "uv.toml":
        folder = site.home / ".config" / "uv"
        folder.mkdir(parents=True)
        (folder / "uv.toml").write_text(f'[[index]]\nname = "company"\ndefault = true\nurl = "{inline}"\n')
    else:
        folder = site.home / ".local" / "share" / "uv" / "credentials"
        folder.mkdir(parents=True)
        row = {"service": f"{site.wheels.url}/", "username": USER, "scheme": "basic", "password": PASSWORD}
        lines = [f"{name} = {json.dumps(value)}" for name, value in row.items()]
        (folder / "credentials.toml").write_text("\n".join(["[[credential]]", *lines, ""]))
    done = lock(site, "-v")
    assert done.code == 0, done.err
    rendered = site.run("render", "secretive", *site.installer(), "--output", str(site.root / "context"))
    assert rendered.code == 0, rendered.err
    kept = ("uv.toml", "credentials.toml")
    assert site.files_with(PASSWORD, but=kept) == []
    assert site.files_with("9c1f%26e", but=kept) == []
    assert PASSWORD not in done.out + done.err


def test_a_channel_that_is_not_there(site: Site) -> None:
    """Some servers hide what is private behind 404."""
    site.channel.rule = everybody
    site.channel_is("nothing")
    done = lock(site, "--json")
    assert done.code == 3
    error = done.document["error"]
    assert error["what"] == f"there is no channel at {site.channel.url}/nothing/"
    assert "machine 127.0.0.1 login" in error["fix"]


def test_a_server_that_is_not_there(site: Site) -> None:
    (site.home / ".condarc").write_text("channels: ['http://127.0.0.1:1/t/tk-123456/x']\n")
    for address in ("http://127.0.0.1:1/x", "http://127.0.0.1:1/y"):  # through the relay, and by rattler
        site.channel_is("", address)
        done = lock(site, "--json")
        assert done.code == 3
        assert f"{address}/" in done.document["error"]["what"]
        assert "cannot be reached" in done.document["error"]["what"]
        assert "tk-123456" not in done.out + done.err


def test_a_store_that_cannot_be_written(site: Site) -> None:
    """Many times: rattler's threads, which outlive a failed solve, once ended the process with signal 6."""
    site.keep_token_in_condarc()
    for _ in range(8):
        done = site.run("lock", "secretive", "--json", IMGBUILD_CACHE="/proc/nowhere")
        assert done.code == 3
        assert "IMGBUILD_CACHE" in done.document["error"]["fix"]


def test_offline_not_even_a_public_server_is_asked(site: Site) -> None:
    """Every way out goes through a proxy that counts."""
    site.channel_is("", "conda-forge")
    del site.variables["IMGBUILD_WHEEL_INDEX"]
    with forward_proxy() as proxy:
        site.variables |= dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), proxy.url)
        for words in (["lock", "secretive", *site.installer()], ["plan"], ["list"], ["render", "secretive"]):
            done = site.run(*words, "--offline")
            assert done.code == (3 if words[0] in {"lock", "render"} else 0), done.err
            assert "Traceback" not in done.err
        assert proxy.asked == proxy.refused == []
        site.run("lock", "secretive", *site.installer())
        assert proxy.asked  # it does count
