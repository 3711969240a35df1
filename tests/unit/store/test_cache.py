from __future__ import annotations

import hashlib
import multiprocessing
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.store.cache import Store, default_root

BODY = b"content" * 1000
FILE = LockedFile(
    url="https://x.example.org/x.conda", sha256=hashlib.sha256(BODY).hexdigest(), size=len(BODY)
)


def never(_seconds: float) -> None:
    raise AssertionError("nobody else holds it")


def put(store: Store) -> Path:
    with store.partial(FILE, never) as partial:
        assert partial is not None
        partial.write(BODY)
        return store.keep(FILE, partial, place="here")


def test_the_variable_moves_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("IMGBUILD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root().name == "imgbuild"


def test_files_lie_under_their_hash(tmp_path: Path) -> None:
    path = put(Store(tmp_path))
    assert path == tmp_path / "sha256" / FILE.sha256[:2] / FILE.sha256
    assert path.read_bytes() == BODY
    assert Store(tmp_path).find(FILE) == path


def test_a_wrong_size_counts_as_absent(tmp_path: Path) -> None:
    path = put(Store(tmp_path))
    path.chmod(0o644)
    path.write_bytes(BODY[:-1])
    assert Store(tmp_path).find(FILE) is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_only_a_sha256_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(BuildError):
        Store(tmp_path).path(name)


def _hold(root: Path, ready: multiprocessing.Queue[str], go: multiprocessing.Queue[str]) -> None:
    store = Store(root)
    with store.partial(FILE, never) as partial:
        assert partial is not None
        partial.write(BODY[:10])
        ready.put("held")
        go.get(timeout=60)
        partial.write(BODY[10:])
        store.keep(FILE, partial, place="there")


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    """The second waits while the first writes, and then finds the file whole."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Queue(), context.Queue()
    other = context.Process(target=_hold, args=(tmp_path, ready, go))
    other.start()
    try:
        assert ready.get(timeout=60) == "held"
        waited: list[float] = []

        def wait(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 1:
                go.put("go on")
            else:
                other.join(0.05)

        with Store(tmp_path).partial(FILE, wait) as partial:
            assert partial is None
    finally:
        other.join(60)
    assert waited
    assert Store(tmp_path).path(FILE.sha256).read_bytes() == BODY
    assert list((tmp_path / "partial").iterdir()) == []
