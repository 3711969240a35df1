"""`--installer`: what is refused before anything is fetched, and what a lock says afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from builder.errors import BuildError, UsageError
from builder.lock.check import faults
from builder.lock.stale import stale_reasons
from builder.progress import Event, Note, silent
from builder.spec.model import Installer
from builder.store.cache import Store
from builder.store.fetch import fetch
from builder.store.given import GivenInstaller, given_installer
from builder.store.upstream import Upstream
from builder.workflow.installers import bring_installer
from tests.support.lock_samples import BASE, LOCKED_BASE, image_spec, lock_set

BODY = b"#!/bin/sh\n# NAME:  Miniforge3\nexit 0\n"
SHA = hashlib.sha256(BODY).hexdigest()
NAME = "Miniforge3-26.7.1-0-Linux-x86_64.sh"


@pytest.fixture
def installer(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(BODY)
    return path


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    return Store(tmp_path / "cache")


def given(place: Path | str, sha256: str = SHA) -> GivenInstaller:
    found = given_installer(str(place), sha256)
    assert found is not None
    return found


def test_neither_is_neither() -> None:
    assert given_installer(None, None) is None


@pytest.mark.parametrize(
    ("place", "sha256", "said"),
    [
        (NAME, None, "--installer-sha256 is missing"),
        (None, SHA, "--installer is missing"),
        (NAME, "123", "is no sha256"),
        ("installer.bin", SHA, "'installer.bin' does not end in .sh"),
        ("https://a.example.org/x", SHA, "'x' does not end in .sh"),
        ("gone.sh", SHA, "there is no such file"),
        ("a b.sh", SHA, "cannot name an installer"),
        ("http://a.example.org/x.sh", SHA, "plain http"),
        ("https://me:pw@a.example.org/x.sh", SHA, "token or a password"),
        ("ftp://a.example.org/x.sh", SHA, "is not a plain URL"),
    ],
)
def test_what_cannot_be_an_installer(place: str | None, sha256: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        given_installer(place, sha256)
    assert said in caught.value.what
    assert caught.value.fix
    assert "pw" not in str(caught.value)


def test_a_file_is_locked_by_name_and_hash_and_kept(installer: Path, store: Store) -> None:
    source = Upstream(given=given(installer, SHA.upper()))
    ready = replace(source, given=bring_installer(given(installer), source, silent))
    locked = ready.installer(image_spec(), "linux/amd64")
    assert (locked.url, locked.sha256, locked.given, locked.stand_in) == (
        f"installer:///{NAME}",
        SHA,
        True,
        False,
    )
    assert not list(faults(lock_set(image_spec(), base=LOCKED_BASE, installer=locked)))
    installer.unlink()
    assert fetch([locked], Upstream(), store)[SHA].read_bytes() == BODY


def test_a_stand_in_says_so(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"#!/bin/sh\n# NAME:  Miniforge3 (imgbuild stand-in)\n")
    body = hashlib.sha256(path.read_bytes()).hexdigest()
    assert Upstream(given=given(path, body)).installer(image_spec(), "linux/amd64").stand_in


def test_another_hash_is_refused_with_both(installer: Path, store: Store) -> None:
    with pytest.raises(BuildError) as caught:
        bring_installer(given(installer, "0" * 64), Upstream(given=given(installer, "0" * 64)), silent)
    assert SHA in caught.value.what
    assert "0" * 64 in caught.value.what
    assert "--installer-sha256" in caught.value.fix
    assert not any(path.is_file() for path in store.root.rglob("*"))


def test_a_store_that_takes_nothing_is_said(installer: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    events: list[Event] = []
    found = bring_installer(given(installer), Upstream(given=given(installer)), events.append)
    assert found.path == installer
    assert any(
        isinstance(event, Note) and "give --installer at every build" in event.text for event in events
    )


def test_a_file_that_is_not_at_hand_any_more(store: Store) -> None:
    locked = Upstream(given=GivenInstaller(url=f"installer:///{NAME}", sha256=SHA)).installer(
        image_spec(), "linux/amd64"
    )
    with pytest.raises(BuildError, match="was given as a file") as caught:
        fetch([locked], Upstream(), store)
    assert f"--installer-sha256 {SHA}" in caught.value.fix


def test_a_given_installer_is_fresh_without_the_option(installer: Path) -> None:
    spec = image_spec()
    mine = Upstream(given=given(installer))
    locked = mine.installer(spec, "linux/amd64")
    base = LOCKED_BASE.model_copy(update={"ref": f"{BASE.ref}@sha256:{'0' * 64}"})
    lock = lock_set(spec, base=base, installer=locked)
    assert stale_reasons(spec, lock, Upstream()) == stale_reasons(spec, lock, mine) == ()
    other = Upstream(given=GivenInstaller(url="installer:///other.sh", sha256="1" * 64))
    assert "installer given now is other.sh" in stale_reasons(spec, lock, other)[0]
    newer = spec.model_copy(update={"installer": Installer(kind="miniforge", version="26.3.2-3")})
    assert "the installer is miniforge=26.3.2-3 now" in stale_reasons(newer, lock, Upstream())[0]


def test_the_table_is_stale_once_an_installer_is_given(installer: Path) -> None:
    spec = image_spec()
    lock = lock_set(spec, installer=Upstream().installer(spec, "linux/amd64"))
    assert stale_reasons(spec, lock, Upstream()) == ()
    assert stale_reasons(spec, lock, Upstream(given=given(installer)))
