from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.progress import Event, StepAdvanced, StepFinished
from builder.settings.patience import Policy
from builder.store.cache import Store
from builder.store.download import public
from builder.store.fetch import fetch
from tests.support.flaky_server import FlakyServer, cut_after, flaky_server, no_ranges, stall, status
from tests.support.lock_samples import SampleSource

BODY = bytes(range(256)) * 9000
QUICK = Policy(pause=0.0, connect=5, read=5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with flaky_server() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def locked(server: FlakyServer, name: str, body: bytes = BODY, *, sized: bool = True) -> LockedFile:
    server.bodies[f"/{name}"] = body
    size = len(body) if sized else None
    return LockedFile(url=f"{server.url}/{name}", sha256=hashlib.sha256(body).hexdigest(), size=size)


def everything(store: Store) -> list[str]:
    return sorted(path.name for path in store.root.rglob("*") if path.is_file())


def test_files_come_in_whole_and_read_only(server: FlakyServer, store: Store) -> None:
    files = [locked(server, f"{number}.conda", BODY + bytes([number])) for number in range(5)]
    events: list[Event] = []
    paths = fetch(files, SampleSource(), store, events.append, policy=QUICK)
    assert {sha: hashlib.sha256(path.read_bytes()).hexdigest() for sha, path in paths.items()} == {
        file.sha256: file.sha256 for file in files
    }
    assert {path.stat().st_mode & 0o777 for path in paths.values()} == {0o444}
    assert everything(store) == sorted(file.sha256 for file in files)
    told = [event for event in events if isinstance(event, StepAdvanced)]
    assert (told[-1].done, told[-1].total) == (5 * (len(BODY) + 1), 5 * (len(BODY) + 1))


def test_a_second_fetch_asks_nobody(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    fetch([file], SampleSource(), store, policy=QUICK)
    events: list[Event] = []
    fetch([file], SampleSource(), store, events.append, policy=QUICK)
    assert len(server.seen) == 1
    assert isinstance(events[-1], StepFinished)
    assert events[-1].cached


@pytest.mark.parametrize("sized", [True, False])
def test_a_cut_download_goes_on_where_it_stopped(server: FlakyServer, store: Store, sized: bool) -> None:
    file = locked(server, "x.conda", sized=sized)
    server.script["/x.conda"] = [cut_after(1_500_000)]
    paths = fetch([file], SampleSource(), store, policy=QUICK)
    assert paths[file.sha256].read_bytes() == BODY
    assert server.seen[1][1].startswith("bytes=")


def test_a_server_without_ranges_begins_anew(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    server.script["/x.conda"] = [cut_after(1_500_000), no_ranges]
    assert fetch([file], SampleSource(), store, policy=QUICK)[file.sha256].read_bytes() == BODY


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(server: FlakyServer, store: Store, code: int) -> None:
    file = locked(server, "x.conda")
    server.script["/x.conda"] = [status(code, Retry_After="0"), status(code)]
    fetch([file], SampleSource(), store, policy=QUICK)
    assert len(server.seen) == 3


def test_it_gives_up_after_the_last_attempt(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    server.script["/x.conda"] = [status(503)] * 9
    with pytest.raises(BuildError, match=r"503 \(3 attempts\)"):
        fetch([file], SampleSource(), store, policy=Policy(attempts=3, pause=0.0))
    assert len(server.seen) == 3


@pytest.mark.parametrize(("code", "fix"), [(404, "imgbuild lock"), (403, "netrc"), (418, "curl")])
def test_a_refusal_is_final_and_says_what_to_do(
    server: FlakyServer, store: Store, code: int, fix: str
) -> None:
    file = locked(server, "x.conda")
    server.script["/x.conda"] = [status(code)] * 2
    with pytest.raises(BuildError, match=str(code)) as caught:
        fetch([file], SampleSource(), store, policy=QUICK)
    assert fix in caught.value.fix
    assert len(server.seen) == 1


def test_other_bytes_are_refused_with_both_hashes(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    server.bodies["/x.conda"] = BODY[::-1]
    with pytest.raises(BuildError) as caught:
        fetch([file], SampleSource(), store, policy=QUICK)
    message = str(caught.value)
    assert file.sha256 in message
    assert hashlib.sha256(BODY[::-1]).hexdigest() in message
    assert "x.conda" in message
    assert file.url in message
    assert everything(store) == []


def test_a_longer_body_than_locked_is_refused(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    server.bodies["/x.conda"] = BODY + b"more"
    with pytest.raises(BuildError, match=f"size expected {len(BODY)}, got {len(BODY) + 4}"):
        fetch([file], SampleSource(), store, policy=QUICK)


def test_a_bad_leftover_is_fetched_anew(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    part = store.root / "partial" / f"{file.sha256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    assert fetch([file], SampleSource(), store, policy=QUICK)[file.sha256].read_bytes() == BODY
    assert [seen[1] for seen in server.seen] == ["bytes=14-", ""]


def test_a_leftover_that_is_too_long_is_fetched_anew(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    part = store.root / "partial" / f"{file.sha256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY + BODY)
    assert fetch([file], SampleSource(), store, policy=QUICK)[file.sha256].read_bytes() == BODY


def test_two_fetches_of_one_file_at_once_ask_once(server: FlakyServer, store: Store) -> None:
    """Whoever comes second waits for the first and takes what it finds."""
    file = locked(server, "x.conda")
    release = threading.Event()
    server.script["/x.conda"] = [stall(release)]
    found: list[Path] = []

    def one() -> None:
        patient = Policy(pause=0.0, connect=5, read=60)
        found.append(fetch([file], SampleSource(), store, policy=patient)[file.sha256])

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in found] == [BODY, BODY]
    assert len(server.seen) == 2  # the stalled one, and its second attempt
    assert everything(store) == [file.sha256]


def test_the_first_failure_stops_the_others(server: FlakyServer, store: Store) -> None:
    stalled, missing = locked(server, "big.conda", BODY + b"x"), locked(server, "gone.conda")
    release = threading.Event()
    server.script["/big.conda"] = [stall(release)]
    del server.bodies["/gone.conda"]
    with pytest.raises(BuildError, match=r"gone\.conda"):
        fetch([stalled, missing], SampleSource(), store, policy=Policy(pause=0.0, read=60))
    release.set()
    assert all(name.endswith(".part") for name in everything(store))


def test_an_interrupt_leaves_only_partial_files(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda")
    done = locked(server, "done.conda", b"small")
    release = threading.Event()
    server.script["/x.conda"] = [stall(release)]

    def interrupt(event: Event) -> None:
        if isinstance(event, StepAdvanced):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([file, done], SampleSource(), store, interrupt, policy=Policy(read=60))
    release.set()
    assert all(name.endswith(".part") or name == done.sha256 for name in everything(store))


def test_local_files_are_checked_where_they_lie(tmp_path: Path, store: Store) -> None:
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels" / "x.whl"
    wheel.write_bytes(BODY)
    file = LockedFile(url="kit:///wheels/x.whl", sha256=hashlib.sha256(BODY).hexdigest(), size=len(BODY))
    assert fetch([file], SampleSource(tmp_path), store) == {file.sha256: wheel}
    assert everything(store) == []
    wheel.write_bytes(BODY[::-1])
    with pytest.raises(BuildError) as caught:
        fetch([file], SampleSource(tmp_path), store)
    assert str(wheel) in str(caught.value)
    assert file.sha256 in str(caught.value)


def test_a_file_url_is_checked_where_it_lies(tmp_path: Path, store: Store) -> None:
    package = tmp_path / "a b.conda"
    package.write_bytes(BODY)
    file = LockedFile(url=package.as_uri(), sha256=hashlib.sha256(BODY).hexdigest())
    assert fetch([file], SampleSource(), store) == {file.sha256: package}


def test_a_kit_that_is_not_at_hand_is_asked_for(store: Store) -> None:
    file = LockedFile(url="kit:///wheels/x.whl", sha256="0" * 64)
    with pytest.raises(BuildError, match="--kit DIR"):
        fetch([file], SampleSource(), store)


def test_a_missing_local_file_is_named(tmp_path: Path, store: Store) -> None:
    file = LockedFile(url=(tmp_path / "x.conda").as_uri(), sha256="0" * 64)
    with pytest.raises(BuildError, match="is missing") as caught:
        fetch([file], SampleSource(), store)
    assert str(tmp_path / "x.conda") in str(caught.value)


def test_a_store_that_cannot_be_written_says_so(server: FlakyServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(BuildError, match="IMGBUILD_CACHE"):
        fetch([locked(server, "x.conda")], SampleSource(), Store(tmp_path / "file" / "cache"), policy=QUICK)


def test_a_full_disk_says_so(server: FlakyServer, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    file = locked(server, "x.conda")

    def full(*_args: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("builder.store.cache.Partial.write", full)
    with pytest.raises(BuildError, match="no space left for downloads.*IMGBUILD_CACHE"):
        fetch([file], SampleSource(), store, policy=QUICK)


def test_too_small_a_disk_is_told_before_the_first_byte(server: FlakyServer, store: Store) -> None:
    file = locked(server, "x.conda").model_copy(update={"size": 1 << 60})
    with pytest.raises(BuildError, match="are free"):
        fetch([file], SampleSource(), store, policy=QUICK)
    assert server.seen == []


def test_messages_hold_no_secrets() -> None:
    assert (
        public("https://me:secret@host:8443/t/token-1/chan/x.conda?key=1#2")
        == "https://host:8443/t/***/chan/x.conda"
    )
