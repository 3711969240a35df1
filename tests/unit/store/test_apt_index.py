"""Indexes of package archives over HTTP: what is asked, where, and what comes when a server misbehaves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.apt.sources import Repository
from builder.progress import silent
from builder.settings.model import Settings
from builder.store.apt_index import HttpArchive, collect
from builder.store.cache import Store
from builder.store.download import Policy
from builder.store.upstream import Upstream
from tests.support.flaky_server import Handler, cut_after, flaky_server, status, whole
from tests.support.web import serve

INDEX = b"Package: make\n"
SHA = hashlib.sha256(INDEX).hexdigest()
MAIN = Repository("http://archive.example.org/debian", "bookworm", ("main",))
FLAT = Repository("http://archive.example.org/debian", "flat/", ())
QUICK = Policy(attempts=3, pause=0.0)


def release(*names: str, more: str = "") -> bytes:
    rows = "".join(f" {SHA} {len(INDEX)} {name}\n" for name in names)
    return f"Date: Sat, 11 Jul 2026 10:16:37 UTC\nArchitectures: amd64\n{more}SHA256:\n{rows}".encode()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "dists/bookworm/main/binary-amd64").mkdir(parents=True)
    (folder / "flat").mkdir()
    (folder / "dists/bookworm/InRelease").write_bytes(release("main/binary-amd64/Packages.xz"))
    (folder / "dists/bookworm/main/binary-amd64/Packages.xz").write_bytes(INDEX)
    (folder / "flat/Release").write_bytes(release("Packages"))
    (folder / "flat/Release.gpg").write_bytes(b"signature")
    (folder / "flat/Packages").write_bytes(INDEX)
    return folder


def archive(url: str, tmp_path: Path) -> HttpArchive:
    settings = Settings(mirrors={"http://archive.example.org/debian/": f"{url}/"})
    return HttpArchive(Upstream(read=lambda: settings), Store(tmp_path / "store"), silent, QUICK)


def test_everything_that_apt_reads_comes_through_the_mirror(site: Path, tmp_path: Path) -> None:
    with serve({"d": site}) as web:
        found = collect((MAIN, FLAT), "amd64", archive(f"{web.url}/d", tmp_path))
    assert found.files == {
        "0/dists/bookworm/InRelease": release("main/binary-amd64/Packages.xz"),
        "0/dists/bookworm/main/binary-amd64/Packages.xz": INDEX,
        "0/flat/Release": release("Packages"),
        "0/flat/Release.gpg": b"signature",
        "0/flat/Packages": INDEX,
    }
    first, second = found.releases
    assert (first.uri, first.suite, first.date) == (MAIN.uri, "bookworm", "Sat, 11 Jul 2026 10:16:37 UTC")
    assert first.sha256 == hashlib.sha256(release("main/binary-amd64/Packages.xz")).hexdigest()
    assert second.suite == "flat/"


def test_a_mirror_may_be_a_directory(site: Path, tmp_path: Path) -> None:
    found = collect((MAIN, FLAT), "amd64", archive(site.as_uri(), tmp_path))
    assert set(found.files) >= {"0/dists/bookworm/main/binary-amd64/Packages.xz", "0/flat/Release.gpg"}


def test_an_index_is_fetched_once_and_a_release_file_each_time(site: Path, tmp_path: Path) -> None:
    with serve({"d": site}) as web:
        collect((MAIN,), "amd64", archive(f"{web.url}/d", tmp_path))
        collect((MAIN,), "amd64", archive(f"{web.url}/d", tmp_path))
    assert web.asked == [
        "/d/dists/bookworm/InRelease",
        "/d/dists/bookworm/main/binary-amd64/Packages.xz",
        "/d/dists/bookworm/InRelease",
    ]


def test_while_an_archive_changes_its_indexes_are_had_by_their_hashes(site: Path, tmp_path: Path) -> None:
    folder = site / "dists/bookworm"
    folder.joinpath("InRelease").write_bytes(
        release("main/binary-amd64/Packages.xz", more="Acquire-By-Hash: yes\n")
    )
    (folder / "main/binary-amd64/Packages.xz").write_bytes(b"tomorrow's index")
    (folder / "main/binary-amd64/by-hash/SHA256").mkdir(parents=True)
    (folder / f"main/binary-amd64/by-hash/SHA256/{SHA}").write_bytes(INDEX)
    with serve({"d": site}) as web:
        found = collect((MAIN,), "amd64", archive(f"{web.url}/d", tmp_path))
    assert found.files["0/dists/bookworm/main/binary-amd64/Packages.xz"] == INDEX


def test_an_index_that_is_another_one_is_refused(site: Path, tmp_path: Path) -> None:
    (site / "dists/bookworm/main/binary-amd64/Packages.xz").write_bytes(b"Package: gcc  ")
    with (
        serve({"d": site}) as web,
        pytest.raises(BuildError, match="not the one that its release file names"),
    ):
        collect((MAIN,), "amd64", archive(f"{web.url}/d", tmp_path))


def test_an_archive_without_a_signature_is_refused(site: Path, tmp_path: Path) -> None:
    (site / "flat/Release.gpg").unlink()
    with serve({"d": site}) as web, pytest.raises(BuildError) as caught:
        collect((FLAT,), "amd64", archive(f"{web.url}/d", tmp_path))
    assert caught.value.what == "the archive has no signed release file of flat/"


def test_busy_servers_and_cut_connections_are_asked_again(tmp_path: Path) -> None:
    path = "/dists/bookworm/InRelease"
    with flaky_server() as flaky:
        flaky.bodies[path] = b"Date: now"
        flaky.script[path] = [status(503), cut_after(3), whole]
        found = archive(flaky.url, tmp_path).text(f"{MAIN.uri}{path}", "bookworm")
    assert found == b"Date: now"
    assert len(flaky.seen) == 3


def test_a_server_that_stays_busy_is_an_error(tmp_path: Path) -> None:
    with flaky_server() as flaky:
        flaky.bodies["/dists/bookworm/InRelease"] = b""
        flaky.usual = status(503)
        with pytest.raises(BuildError, match="cannot fetch InRelease: the server answered 503"):
            archive(flaky.url, tmp_path).text(f"{MAIN.uri}/dists/bookworm/InRelease", "bookworm")
    assert len(flaky.seen) == QUICK.attempts


def test_a_refusal_is_no_missing_file(tmp_path: Path) -> None:
    with flaky_server() as flaky:
        flaky.bodies["/dists/bookworm/InRelease"] = b""
        flaky.usual = status(403)
        with pytest.raises(BuildError, match="the server answered 403"):
            archive(flaky.url, tmp_path).text(f"{MAIN.uri}/dists/bookworm/InRelease", "bookworm")
    assert len(flaky.seen) == 1


@pytest.mark.parametrize("place", ["ftp://archive.example.org/x", "http://[/", "/dists/bookworm/InRelease"])
def test_odd_redirects_are_told(tmp_path: Path, place: str) -> None:
    """To another kind of server, to what is no URL, and round and round."""

    def moved(handler: Handler, _body: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", place)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with flaky_server() as flaky:
        flaky.bodies["/dists/bookworm/InRelease"] = b""
        flaky.usual = moved
        with pytest.raises(BuildError, match="cannot fetch InRelease"):
            archive(flaky.url, tmp_path).text(f"{MAIN.uri}/dists/bookworm/InRelease", "bookworm")


def test_a_release_file_without_end_is_not_read_to_it(tmp_path: Path) -> None:
    with flaky_server() as flaky:
        flaky.bodies["/dists/bookworm/InRelease"] = bytes(17 << 20)
        with pytest.raises(BuildError, match="far too large for a release file"):
            archive(flaky.url, tmp_path).text(f"{MAIN.uri}/dists/bookworm/InRelease", "bookworm")
