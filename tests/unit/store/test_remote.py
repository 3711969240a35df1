"""Files read in pieces over real HTTP, from servers that know pieces and from those that do not."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.errors import BuildError
from builder.network.credentials import Credentials
from builder.network.session import Session
from builder.settings.patience import Policy
from builder.store.remote import RemoteFile
from builder.store.simple import files_of
from tests.support.pieces import PieceServer, piece_server
from tests.support.wheel_samples import write_wheel

QUICK = Policy(attempts=3, pause=0.001, read=5)
DATA = random.Random(3).randbytes(400_000)


def session() -> Session:
    return Session(Credentials())


def opened(site: PieceServer, name: str = "data.bin") -> RemoteFile:
    return RemoteFile(session(), f"{site.url}/files/{name}", QUICK)


@pytest.mark.parametrize("kind", ["ranges", "none", "no-suffix", "busy-once"])
def test_the_bytes_are_those_of_the_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "data.bin").write_bytes(DATA)
    with piece_server(tmp_path, kind) as site, opened(site) as remote:  # type: ignore[arg-type]
        assert remote.read() == DATA
        assert remote.seek(-10, 2) == len(DATA) - 10
        assert remote.read(100) == DATA[-10:]
        assert remote.read(1) == b""
        assert remote.seek(5) == 5
        assert remote.read(0) == b""
        assert remote.read(3) == DATA[5:8]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 410_000), st.integers(0, 90_000)), max_size=6))
def test_any_walk_through_it_reads_as_a_file_does(tmp_path: Path, walk: list[tuple[int, int]]) -> None:
    (tmp_path / "data.bin").write_bytes(DATA)
    with piece_server(tmp_path) as site, opened(site) as remote:
        for at, count in walk:
            remote.seek(at)
            assert remote.read(count) == DATA[at : at + count]
            assert remote.tell() == at + len(DATA[at : at + count])


def test_a_small_and_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"abc")
    with piece_server(tmp_path) as site, opened(site) as remote:
        assert remote.read() == b"abc"


def test_of_an_archive_only_what_is_asked_for_is_fetched(tmp_path: Path) -> None:
    write_wheel(tmp_path, files={"big.bin": DATA, "small.txt": b"x" * 50})
    with piece_server(tmp_path) as site, opened(site, "sample-1.2-py3-none-any.whl") as remote:
        with zipfile.ZipFile(remote) as archive:
            assert archive.read("small.txt") == b"x" * 50
        assert remote.fetched < len(DATA) / 2


@pytest.mark.parametrize(
    ("kind", "said"), [("short", "not the whole of it"), ("shifted", "another piece than was asked for")]
)
def test_wrong_pieces_are_no_bytes_of_the_file(tmp_path: Path, kind: str, said: str) -> None:
    (tmp_path / "data.bin").write_bytes(DATA)
    with piece_server(tmp_path, kind) as site, opened(site) as remote, pytest.raises(BuildError, match=said):  # type: ignore[arg-type]
        remote.read(10)


def test_what_is_not_there_is_said_with_its_place(tmp_path: Path) -> None:
    with piece_server(tmp_path) as site, pytest.raises(BuildError, match="the server answered 404") as caught:
        opened(site)
    assert caught.value.where.endswith("/files/data.bin")


@pytest.mark.parametrize("listed", ["json", "html"])
def test_an_index_is_read_in_both_forms(tmp_path: Path, listed: str) -> None:
    for version in ("1.2", "1.3"):
        write_wheel(tmp_path, version=version)
    with piece_server(tmp_path) as site:
        site.listed = listed  # type: ignore[assignment]
        site.yanked.add("sample-1.2-py3-none-any.whl")
        found = files_of(session(), site.index, "sample", QUICK)
        assert [(file.filename, file.yanked) for file in found] == [
            ("sample-1.2-py3-none-any.whl", True),
            ("sample-1.3-py3-none-any.whl", False),
        ]
        assert {file.url for file in found} == {f"{site.url}/files/{file.filename}" for file in found}
        with pytest.raises(BuildError, match="answered 404 for nothing"):
            files_of(session(), site.index, "nothing", QUICK)
