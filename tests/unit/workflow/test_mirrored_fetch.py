"""Locked files come from the mirror, and from nowhere else; hashes are compared all the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.settings.model import Settings
from builder.settings.patience import Policy
from builder.store.cache import Store
from builder.store.fetch import fetch
from builder.store.upstream import Upstream
from tests.support.flaky_server import flaky_server

BODY = b"an installer, as it were"
FILE = LockedFile(
    url="https://repo.anaconda.com/miniconda/Miniconda3-x.sh",
    sha256=hashlib.sha256(BODY).hexdigest(),
    size=len(BODY),
)


def mirrored_at(place: str) -> Upstream:
    settings = Settings(mirrors={"https://repo.anaconda.com/miniconda/": place})
    return Upstream(read=lambda: settings)


def test_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with flaky_server() as server:
        server.bodies["/m/Miniconda3-x.sh"] = BODY
        found = fetch([FILE], mirrored_at(f"{server.url}/m/"), Store(tmp_path))
        assert found[FILE.sha256].read_bytes() == BODY
        assert server.seen == [("/m/Miniconda3-x.sh", "")]


def test_a_mirror_that_serves_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with flaky_server() as server:
        server.bodies["/m/Miniconda3-x.sh"] = b"x" * len(BODY)
        with pytest.raises(BuildError, match=FILE.sha256) as caught:
            fetch([FILE], mirrored_at(f"{server.url}/m/"), Store(tmp_path), policy=Policy(pause=0.0))
    assert caught.value.where == f"{server.url}/m/Miniconda3-x.sh"  # the place that served it


def test_in_a_directory_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    place = tmp_path / "m" / "Miniconda3-x.sh"
    place.write_bytes(BODY)
    source = mirrored_at(f"{(tmp_path / 'm').as_uri()}/")
    assert fetch([FILE], source, Store(tmp_path / "store"))[FILE.sha256] == place
    place.write_bytes(BODY + b"!")
    with pytest.raises(BuildError, match="is not what the lock names"):
        fetch([FILE], source, Store(tmp_path / "store"))
