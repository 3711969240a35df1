"""A base's package sources in both formats, as values and as what its apt is told in their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import LockError
from builder.lock.apt.sources import Repository, local_sources, numbered, read_sources

DEBIAN = """\
Types: deb
# a comment between fields
URIs: http://archive.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://archive.example.org/debian-security/
Suites: bookworm-security
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc=
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: ftp://nowhere
Suites: x
Components: y
"""
KEY = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc=\n -----END PGP PUBLIC KEY BLOCK-----"
LINES = """\
# See http://help.ubuntu.com
deb http://archive.ubuntu.com/ubuntu/ jammy main universe  # trailing words
deb-src http://archive.ubuntu.com/ubuntu/ jammy main
deb [ arch=amd64,i386 signed-by=/k.gpg by-hash=force ] https://example.org/cuda/$(ARCH) /
deb [arch=arm64] http://ports.example.org/ jammy main
deb [arch-=amd64] http://ports.example.org/ jammy main
"""
RING = (("Signed-By", "/usr/share/keyrings/debian-archive-keyring.gpg"),)


def test_deb822() -> None:
    archive, security = "http://archive.example.org/debian", "http://archive.example.org/debian-security"
    assert read_sources({"sources.list.d/debian.sources": DEBIAN}, "amd64") == (
        Repository(archive, "bookworm", ("main",), RING),
        Repository(archive, "bookworm-updates", ("main",), RING),
        Repository(security, "bookworm-security", ("main", "contrib"), (("Signed-By", KEY),)),
    )


def test_lines() -> None:
    assert read_sources({"sources.list": LINES}, "amd64") == (
        Repository("http://archive.ubuntu.com/ubuntu", "jammy", ("main", "universe")),
        Repository("https://example.org/cuda/amd64", "/", (), (("Signed-By", "/k.gpg"),)),
    )


def test_what_apt_does_not_read_is_not_read_here() -> None:
    files = {"sources.list.d/a.list.disabled": "nonsense", "sources.list.d/b.list": "deb http://b.org s main"}
    assert [one.uri for one in read_sources(files, "amd64")] == ["http://b.org"]


def test_the_order_is_apts_own() -> None:
    files = {"sources.list.d/a.list": "deb http://a.org s main", "sources.list": "deb http://z.org s main"}
    assert [one.uri for one in read_sources(files, "amd64")] == ["http://z.org", "http://a.org"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("deb [trusted=yes] http://a.org s main", "marked trusted=yes"),
        ("deb [allow-insecure=true] http://a.org s main", "marked allow-insecure=true"),
        ("deb [allow-weak=1] http://a.org s main", "marked allow-weak=1"),
        ("deb cdrom:[Debian]/ s main", "asked by cdrom"),
        ("deb file:/srv/repo s main", "asked by file"),
        ("deb mirror+file:/etc/apt/mirrors s main", "asked by mirror+file"),
        ("deb http://me:secret@a.org s main", "has a password"),
        ("deb http://a.org s", "names no component"),
        ("deb http://a.org ../../etc main", "no suite or component"),
        ("deb http://a.org s main;id", "no suite or component"),
        ("debian http://a.org s main", "is no package source"),
    ],
)
def test_what_cannot_be_fetched_or_checked_is_refused(text: str, what: str) -> None:
    with pytest.raises(LockError) as caught:
        read_sources({"sources.list": text}, "amd64")
    assert what in caught.value.what
    assert "secret" not in str(caught.value)
    assert caught.value.where.startswith("/etc/apt/sources.list")


def test_a_stanza_that_is_trusted_is_refused() -> None:
    with pytest.raises(LockError, match="trusted=yes"):
        read_sources({"sources.list.d/a.sources": "Trusted: yes\n" + DEBIAN}, "amd64")


def test_the_same_sources_as_folders() -> None:
    told = local_sources(
        read_sources({"sources.list": LINES, "sources.list.d/d.sources": DEBIAN}, "amd64"), "/a"
    )
    assert told.startswith(
        "Types: deb\nURIs: file:/a/0\nSuites: jammy\nComponents: main universe\n\n"
        "Types: deb\nURIs: file:/a/1\nSuites: /\nSigned-By: /k.gpg\n\n"
    )
    assert f"URIs: file:/a/3\nSuites: bookworm-security\nComponents: main contrib\nSigned-By: {KEY}\n" in told
    assert "http" not in told


def test_where_things_lie() -> None:
    plain = Repository("http://a.org", "s/updates", ("main", "x"))
    assert plain.release_folder == "dists/s/updates/"
    assert plain.indexes(("amd64", "all")) == [
        "main/binary-amd64/Packages",
        "main/binary-all/Packages",
        "x/binary-amd64/Packages",
        "x/binary-all/Packages",
    ]
    assert Repository("http://a.org", "/", ()).release_folder == ""
    assert Repository("http://a.org", "./x86_64/", ()).release_folder == "x86_64/"
    assert Repository("http://a.org", "/", ()).indexes(("amd64",)) == ["Packages"]
    assert numbered([plain, plain, Repository("http://b.org", "s", ("m",))]) == {
        "http://a.org": 0,
        "http://b.org": 1,
    }


@given(st.text(alphabet="deb-src[]=/:# \n\t.amd64http", max_size=120), st.sampled_from(("list", "sources")))
def test_any_text_is_read_or_refused(text: str, ending: str) -> None:
    try:
        found = read_sources({f"sources.list.d/x.{ending}": text}, "amd64")
    except LockError:
        return
    assert all(one.uri.startswith(("http://", "https://")) for one in found)


def test_an_address_that_is_none() -> None:
    with pytest.raises(LockError, match="asked by nothing"):
        read_sources({"sources.list": "deb http://[x s main"}, "amd64")
