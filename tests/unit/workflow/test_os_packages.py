"""What happens around the base's apt: which base is asked, in what container, and bases that cannot answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from builder.engine.port import RunResult
from builder.errors import EngineError, LockError
from builder.lock.model import LockedFile
from builder.progress import silent
from builder.store.upstream import Upstream
from builder.workflow.os_packages import VOLUME, resolving
from tests.support.fake_engine import FakeContainer, FakeEngine
from tests.support.lock_samples import LOCKED_BASE, image_spec

INDEX = b"Package: make\n"
SHA = hashlib.sha256(INDEX).hexdigest()
RELEASE = f"Date: now\nSHA256:\n {SHA} {len(INDEX)} main/binary-amd64/Packages\n".encode()
SOURCES = b"deb http://archive.example.org/debian bookworm main\n"
SPEC = image_spec(apt=("make",))
Work = Callable[[FakeContainer], RunResult]


class Archives:
    """An archive with one index."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "Packages"
        self.path.write_bytes(INDEX)
        self.asked: list[str] = []

    def text(self, url: str, suite: str) -> bytes | None:
        self.asked.append(f"{suite} {url}")
        return RELEASE

    def files(self, wanted: Sequence[tuple[LockedFile, str]]) -> Mapping[str, Path]:
        return {file.sha256: self.path for file, _suite in wanted}


def engine_with(
    look: Mapping[str, bytes], answer: Mapping[str, bytes], seen: list[FakeContainer]
) -> FakeEngine:
    """An engine that can pull the base, in which our two scripts leave these files."""

    def run(container: FakeContainer) -> RunResult:
        seen.append(container)
        left = look if container.spec.argv[1].endswith("look.sh") else answer
        container.volume.update({f"out/{name}": data for name, data in left.items()})
        return RunResult(0, "", 0.1)

    return with_base(FakeEngine(on_container=run))


def with_base(engine: FakeEngine) -> FakeEngine:
    image = engine._image(b"base", {}, "linux/amd64", 1)
    engine.registry[LOCKED_BASE.ref] = image
    return engine


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeEngine], None]:
    def set_up(engine: FakeEngine) -> None:
        monkeypatch.setattr("builder.engine.connect.connect", lambda: engine)

    return set_up


LOOK = {"architecture": b"amd64\n", "etc/sources.list": SOURCES}
ANSWER = {
    "stage": b"done\n",
    "trusted": b"yes|bookworm|oldstable|bookworm|file:/x\n",
    "known": b"make\n",
    "installed": b"",
    "simulate": b"Inst make\n",
    "uris": f"'file:{VOLUME}/archives/0/pool/make_4.3_amd64.deb' make_4.3_amd64.deb 9 SHA256:{SHA}\n".encode(),
}


def test_the_base_is_pulled_and_asked_twice_without_a_network(
    use: Callable[[FakeEngine], None], tmp_path: Path
) -> None:
    seen: list[FakeContainer] = []
    use(engine_with(LOOK, ANSWER, seen))
    archives = Archives(tmp_path)
    found = resolving(Upstream(), silent, archives)(SPEC, "linux/amd64", LOCKED_BASE)
    assert [package.url for package in found.packages] == [
        "http://archive.example.org/debian/pool/make_4.3_amd64.deb"
    ]
    assert [release.suite for release in found.releases] == ["bookworm"]
    assert archives.asked == ["bookworm http://archive.example.org/debian/dists/bookworm/InRelease"]
    look, resolve = seen
    for container in seen:
        assert (container.spec.network, container.spec.read_only, container.spec.entrypoint) == (
            "none",
            True,
            (),
        )
        assert container.spec.uid != 0
    assert resolve.spec.argv[-2:] == ("amd64", "make")
    assert resolve.volume["archives/0/dists/bookworm/InRelease"] == RELEASE
    assert resolve.volume["archives/0/dists/bookworm/main/binary-amd64/Packages"] == INDEX
    assert f"URIs: file:{VOLUME}/archives/0\n".encode() in resolve.volume["base.sources"]
    assert not any(name.startswith("archives/") for name in look.volume)


@pytest.mark.parametrize(
    ("look", "what"),
    [
        ({**LOOK, "architecture": b"arm64\n"}, "is made for arm64, and the lock is for linux/amd64"),
        ({"architecture": b"amd64\n"}, "has no package sources"),
        ({**LOOK, "etc/sources.list": b"deb [trusted=yes] http://a.org s main\n"}, "marked trusted=yes"),
    ],
)
def test_bases_that_cannot_be_asked(
    use: Callable[[FakeEngine], None], tmp_path: Path, look: dict[str, bytes], what: str
) -> None:
    use(engine_with(look, ANSWER, []))
    with pytest.raises(LockError, match=what):
        resolving(Upstream(), silent, Archives(tmp_path))(SPEC, "linux/amd64", LOCKED_BASE)


@pytest.mark.parametrize(
    ("result", "what", "fix"),
    [
        (RunResult(44, "", 0.1), "has no apt", "take the packages from conda"),
        (
            RunResult(1, "exec /bin/sh: exec format error", 0.1),
            "ended with code 1",
            "engine of the base's platform",
        ),
        (RunResult(None, "", 600.0, timed_out=True), "ran out of time", "last lines"),
    ],
)
def test_containers_that_end_badly(
    use: Callable[[FakeEngine], None], tmp_path: Path, result: RunResult, what: str, fix: str
) -> None:
    use(with_base(FakeEngine(on_container=lambda _container: result)))
    with pytest.raises(LockError, match=what) as caught:
        resolving(Upstream(), silent, Archives(tmp_path))(SPEC, "linux/amd64", LOCKED_BASE)
    assert fix in caught.value.fix


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody() -> FakeEngine:
        raise EngineError("no engine answers", fix="start it")

    monkeypatch.setattr("builder.engine.connect.connect", nobody)
    with pytest.raises(EngineError, match="apt: needs a container engine") as caught:
        resolving(Upstream(), silent, Archives(tmp_path))(SPEC, "linux/amd64", LOCKED_BASE)
    assert caught.value.fix == "start it"
