"""Package archives through the machine's own apt: its servers, for what a base names."""

from __future__ import annotations

import hashlib
import platform

import pytest

from builder.errors import BuildError
from builder.lock.apt.release import read_release
from builder.lock.model import LockedFile
from builder.store.bootstrap.apt import Apt, machine_apt
from builder.store.bootstrap.apt_archive import MachineArchive, machine_servers

BASES = "http://archive.example.org/debian"  # what a base names, and nobody is asked


@pytest.fixture(scope="module")
def suite() -> str:
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


@pytest.fixture(scope="module")
def apt(suite: str, tmp_path_factory: pytest.TempPathFactory) -> Apt:
    return machine_apt(suite, tmp_path_factory.mktemp("apt"))


@pytest.fixture
def archive(apt: Apt) -> MachineArchive:
    return MachineArchive(apt)


def test_suites_are_known_before_any_list_was_read(apt: Apt, suite: str) -> None:
    assert machine_servers(apt)[suite].startswith(("http", "file", "mirror"))


def test_a_suite_of_the_machine_is_asked_at_its_own_server(archive: MachineArchive, suite: str) -> None:
    text = archive.text(f"{BASES}/dists/{suite}/InRelease", suite)
    assert text is not None
    assert read_release(text.decode()).fields["codename"] == suite
    assert archive.text(f"{BASES}/dists/{suite}/NoSuchRelease", suite) is None


def test_files_are_checked_and_come_from_the_same_server(archive: MachineArchive, suite: str) -> None:
    text = archive.text(f"{BASES}/dists/{suite}/InRelease", suite)
    assert text is not None
    folder = f"{BASES}/dists/{suite}/"
    file = LockedFile(url=f"{folder}InRelease", sha256=hashlib.sha256(text).hexdigest(), size=len(text))
    assert archive.files([(file, suite)])[file.sha256].read_bytes() == text
    other = file.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(BuildError, match="cannot fetch InRelease"):
        archive.files([(other, suite)])
