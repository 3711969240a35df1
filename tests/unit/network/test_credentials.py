"""Which secret goes to which address, out of every place that conda, uv and netrc have."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from builder.network.credentials import Credentials, credentials_at
from builder.network.places import Here
from builder.network.redact import public, redacted, redacted_values
from builder.network.secret import Secret, entry_of_url

CHANNEL = "https://conda.example.org/team"


def at(home: Path, **environ: str) -> Credentials:
    return credentials_at(Here(home, environ))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def header(found: Secret | None) -> str:
    assert found is not None
    return found.headers.get("Authorization", "")


def test_nothing_anywhere(tmp_path: Path) -> None:
    assert at(tmp_path).for_url(f"{CHANNEL}/noarch/repodata.json") is None


class TestNetrc:
    def test_a_host(self, tmp_path: Path) -> None:
        write(tmp_path / ".netrc", "machine conda.example.org login me password secret-1\n")
        known = at(tmp_path)
        assert header(known.for_url(CHANNEL)) == "Basic bWU6c2VjcmV0LTE="
        assert header(known.for_url("https://conda.example.org:8443/x")) == "Basic bWU6c2VjcmV0LTE="
        for other in (
            "https://example.org/x",
            "https://conda.example.org.evil.test/x",
            "https://aconda.example.org",
        ):
            assert known.for_url(other) is None

    def test_the_variable_and_the_default(self, tmp_path: Path) -> None:
        write(tmp_path / ".netrc", "machine conda.example.org login me password secret-1\n")
        other = write(tmp_path / "other", "default login all password secret-2\n")
        known = at(tmp_path, NETRC=str(other))
        assert known.for_url(CHANNEL).value == "secret-2"  # type: ignore[union-attr]
        assert known.for_url("file:///srv/channel/noarch/x.conda") is None

    @pytest.mark.parametrize("text", ["machine\n", "machine a login b passw secret-9\n"])
    def test_what_cannot_be_read_is_named_and_not_repeated(
        self, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(tmp_path / ".netrc", text)
        with caplog.at_level(logging.WARNING):
            assert at(tmp_path).for_url(CHANNEL) is None
        assert ".netrc" in caplog.text
        assert "secret-9" not in caplog.text

    def test_others_can_read_it(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        write(tmp_path / ".netrc", "machine conda.example.org login me password secret-1\n").chmod(0o644)
        assert at(tmp_path).for_url(CHANNEL) is not None
        assert "chmod 600" in caplog.text


class TestConda:
    def test_a_token_in_a_channel(self, tmp_path: Path) -> None:
        write(tmp_path / ".condarc", "channels:\n  - https://conda.example.org/t/tk-123456/team\n")
        known = at(tmp_path)
        found = known.for_url(f"{CHANNEL}/noarch/x.conda")
        assert found is not None
        assert found.placed(f"{CHANNEL}/noarch/x.conda") == (
            "https://conda.example.org/t/tk-123456/team/noarch/x.conda"
        )
        assert found.headers == {}
        assert known.for_url("https://conda.example.org/teammates/noarch/x.conda") is None
        assert known.for_url("http://conda.example.org/team/noarch/x.conda") is None

    def test_a_token_behind_a_path(self, tmp_path: Path) -> None:
        write(tmp_path / ".condarc", "channel_alias: https://conda.example.org/conda/t/tk-123456\n")
        url = "https://conda.example.org/conda/team/noarch/x.conda"
        found = at(tmp_path).for_url(url)
        assert found is not None
        assert found.placed(url) == "https://conda.example.org/conda/t/tk-123456/team/noarch/x.conda"

    def test_variables_are_read_into_it(self, tmp_path: Path) -> None:
        write(
            tmp_path / ".condarc",
            "channels: ['https://u:${PW}@conda.example.org/team', 'https://a/$NONE/b']\n",
        )
        found = at(tmp_path, PW="secret-3").for_url(CHANNEL)
        assert found is not None
        assert (found.user, found.value) == ("u", "secret-3")

    @pytest.mark.parametrize(
        "text",
        [
            "custom_channels: {team: 'https://u:secret-4@conda.example.org'}",
            "custom_multichannels: {all: ['https://u:secret-4@conda.example.org/team']}",
            "default_channels: ['https://u:secret-4@conda.example.org/team']",
            "migrated_channel_aliases: ['https://u:secret-4@conda.example.org']",
        ],
    )
    def test_every_key_that_holds_channels(self, tmp_path: Path, text: str) -> None:
        write(tmp_path / ".conda" / "condarc.d" / "team.yml", text)
        found = at(tmp_path).for_url(f"{CHANNEL}/linux-64/x.conda")
        assert found is not None
        assert found.value == "secret-4"

    def test_the_nearest_file_wins(self, tmp_path: Path) -> None:
        for name, value in ((".condarc", "far-away"), ("prefix/.condarc", "near-by"), ("own", "nearest")):
            write(tmp_path / name, f"channels: ['https://u:{value}@conda.example.org/team']")
        prefix = {"CONDA_PREFIX": str(tmp_path / "prefix")}
        assert at(tmp_path).for_url(CHANNEL).value == "far-away"  # type: ignore[union-attr]
        assert at(tmp_path, **prefix).for_url(CHANNEL).value == "near-by"  # type: ignore[union-attr]
        both = at(tmp_path, **prefix, CONDARC=str(tmp_path / "own"))
        assert both.for_url(CHANNEL).value == "nearest"  # type: ignore[union-attr]

    def test_tokens_of_anaconda_client(self, tmp_path: Path) -> None:
        folder = tmp_path / ".local" / "share" / "binstar"
        write(folder / f"{quote_plus('https://api.anaconda.org')}.token", "an-123456\n")
        known = at(tmp_path)
        url = "https://conda.anaconda.org/team/noarch/x.conda"
        found = known.for_url(url)
        assert found is not None
        assert found.placed(url) == "https://conda.anaconda.org/t/an-123456/team/noarch/x.conda"
        assert known.for_url("https://anaconda.org/team") is None

    def test_no_yaml(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        write(tmp_path / ".condarc", "channels: [https://u:secret-5@conda.example.org\n")
        assert at(tmp_path).for_url(CHANNEL) is None
        assert ".condarc" in caplog.text
        assert "secret-5" not in caplog.text


class TestRattler:
    def test_each_kind(self, tmp_path: Path) -> None:
        rows = {
            "*.example.org": {"BearerToken": "bear-123"},
            "one.example.org": {"BasicHTTP": {"username": "u", "password": "basic-123"}},
            "conda.anaconda.org": {"CondaToken": "conda-123"},
        }
        write(tmp_path / ".rattler" / "credentials.json", json.dumps(rows))
        known = at(tmp_path)
        assert header(known.for_url("https://two.example.org/x")) == "Bearer bear-123"
        assert header(known.for_url("https://one.example.org/x")) == "Basic dTpiYXNpYy0xMjM="
        assert "/t/conda-123/a/b" in known.for_url("https://conda.anaconda.org/a/b").placed(  # type: ignore[union-attr]
            "https://conda.anaconda.org/a/b"
        )

    def test_the_file_of_the_variable_comes_first(self, tmp_path: Path) -> None:
        write(tmp_path / ".rattler" / "credentials.json", json.dumps({"h.test": {"BearerToken": "second"}}))
        own = write(tmp_path / "own.json", json.dumps({"h.test": {"BearerToken": "first"}}))
        assert at(tmp_path, RATTLER_AUTH_FILE=str(own)).for_url("https://h.test/").value == "first"  # type: ignore[union-attr]


class TestUv:
    def test_variables(self, tmp_path: Path) -> None:
        known = at(
            tmp_path,
            UV_INDEX="team=https://wheels.example.org/simple https://a:inline-1@other.example.org/simple",
            UV_INDEX_TEAM_USERNAME="u",
            UV_INDEX_TEAM_PASSWORD="named-1",
        )
        # The files of an index need not lie below it.
        assert known.for_url("https://wheels.example.org/packages/x.whl").value == "named-1"  # type: ignore[union-attr]
        assert known.for_url("https://other.example.org/packages/x.whl").value == "inline-1"  # type: ignore[union-attr]

    def test_uv_toml(self, tmp_path: Path) -> None:
        text = (
            '[[index]]\nname = "my-team"\nurl = "https://wheels.example.org/simple"\n'
            '[pip]\nextra-index-url = ["https://a:inline-2@other.example.org/simple"]\n'
        )
        write(tmp_path / ".config" / "uv" / "uv.toml", text)
        known = at(tmp_path, UV_INDEX_MY_TEAM_USERNAME="u", UV_INDEX_MY_TEAM_PASSWORD="named-2")
        assert known.for_url("https://wheels.example.org/x.whl").value == "named-2"  # type: ignore[union-attr]
        assert known.for_url("https://other.example.org/x.whl").value == "inline-2"  # type: ignore[union-attr]

    def test_logins(self, tmp_path: Path) -> None:
        text = (
            '[[credential]]\nservice = "https://wheels.example.org/"\nusername = "u"\nscheme = "basic"\n'
            'password = "login-1"\n\n[[credential]]\nservice = "https://b.example.org/"\nscheme = "bearer"\n'
            'token = "login-2"\n'
        )
        write(tmp_path / ".local" / "share" / "uv" / "credentials" / "credentials.toml", text)
        known = at(tmp_path)
        assert known.for_url("https://wheels.example.org/x.whl").value == "login-1"  # type: ignore[union-attr]
        assert header(known.for_url("https://b.example.org/x.whl")) == "Bearer login-2"


def test_the_most_exact_address_wins_then_the_place(tmp_path: Path) -> None:
    write(
        tmp_path / ".netrc",
        "machine conda.example.org login n password by-netrc\ndefault login d password by-all\n",
    )
    write(tmp_path / ".condarc", "channels: ['https://c:by-conda@conda.example.org/team']")
    write(
        tmp_path / ".rattler" / "credentials.json",
        json.dumps({"*.example.org": {"BearerToken": "by-rattler"}}),
    )
    known = at(tmp_path)
    values = [known.for_url(url).value for url in (  # type: ignore[union-attr]
        f"{CHANNEL}/x", "https://conda.example.org/other", "https://far.example.org/", "https://elsewhere.test/",
    )]  # fmt: skip
    assert values == ["by-conda", "by-netrc", "by-rattler", "by-all"]


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("basic", "hidden-value-1", "me", "~/.netrc")
    entry = entry_of_url("https://u:hidden-value-2@h.test/x", "here")
    for text in (repr(secret), str(secret), f"{secret}", repr(entry), str([secret])):
        assert "hidden-value" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://h.test/t/never-seen-1/team/x", "GET https://h.test/t/***/team/x"),
        ("at https://me:never-seen-2@h.test/simple", "at https://***@h.test/simple"),
        ("proxy socks5://me:never-seen-3@h.test:1080", "proxy socks5://***@h.test:1080"),
        ("Authorization: Bearer never-seen-4", "Authorization: Bearer ***"),
        ("{'Authorization': 'Basic bmV2ZXI='}", "{'Authorization': 'Basic ***'}"),
        ("see /home/t/x/y and a@b.test", "see /home/t/x/y and a@b.test"),
        ("https://h.test/pkgs/@scope/x?a=b@c", "https://h.test/pkgs/@scope/x?a=b@c"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown


def test_a_known_secret_is_taken_out_in_every_spelling() -> None:
    Secret("basic", "p:w/7 ä%", "user")
    for spelling in ("p:w/7 ä%", "p%3Aw%2F7%20%C3%A4%25", "dXNlcjpwOncvNyDDpCU="):
        assert spelling not in redacted(f"it said {spelling}!")
    assert redacted_values({"a": ["p:w/7 ä%", 3], "b": {"c": "x"}}) == {"a": ["***", 3], "b": {"c": "x"}}


def test_the_password_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:proxy-secret@proxy.test:3128")
    assert redacted("it said proxy-secret") == "it said ***"


def test_public_keeps_what_people_need() -> None:
    assert public("https://u:p@h.test/t/abc/team/x.conda?sig=1") == "https://h.test/t/***/team/x.conda"
