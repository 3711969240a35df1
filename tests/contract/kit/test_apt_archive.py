"""Package archives through the machine's own apt: its servers, for what a base names."""

from __future__ import annotations

import hashlib
import platform
import shutil
from pathlib import Path

import pytest

from builder import proc
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
    found = machine_apt(suite, tmp_path_factory.mktemp("apt"))
    found.update()
    return found


@pytest.fixture
def archive(apt: Apt) -> MachineArchive:
    return MachineArchive(apt)


def test_suites_are_known_by_the_lists(apt: Apt, suite: str) -> None:
    assert machine_servers(apt)[suite][0].startswith(("http", "file", "mirror"))


@pytest.fixture
def docker(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The machine's apt with one source more, listed first: another's suite of the same name, as Docker has one."""
    folder = tmp_path / "docker/dists" / suite
    (folder / "stable/binary-amd64").mkdir(parents=True)
    packages = b"Package: x\nVersion: 1\nArchitecture: amd64\nFilename: x.deb\nSize: 1\n\n"
    (folder / "stable/binary-amd64/Packages").write_bytes(packages)
    row = f" {hashlib.sha256(packages).hexdigest()} {len(packages)} stable/binary-amd64/Packages"
    (folder / "Release").write_text(
        f"Origin: Docker\nSuite: {suite}\nCodename: {suite}\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n"
        f"Architectures: amd64\nComponents: stable\nSHA256:\n{row}\n"
    )
    parts = tmp_path / "sources.list.d"
    shutil.copytree("/etc/apt/sources.list.d", parts)
    url = f"file:{tmp_path}/docker"  # as apt spells it
    (parts / "aaa.list").write_text(f"deb [trusted=yes] {url} {suite} stable\n")
    listed = Path("/etc/apt/sources.list")
    (tmp_path / "sources.list").write_text(listed.read_text() if listed.exists() else "")
    (tmp_path / "conf").write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "{parts}";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "conf"))
    return url


def test_anothers_suite_of_the_same_name_is_not_the_distributions(
    docker: str, suite: str, tmp_path: Path
) -> None:
    apt = machine_apt(suite, tmp_path / "state")
    apt.update()
    rows = proc.run(["apt-get", *apt.options(), "indextargets", "--format", "$(REPO_URI)"]).stdout
    assert rows.splitlines()[0].rstrip("/") == docker  # it is the first that has the suite
    assert docker not in apt.mirror
    assert docker.rstrip("/") not in machine_servers(apt)[suite]
    text = MachineArchive(apt).text(f"{BASES}/dists/{suite}/InRelease", suite)
    assert text is not None
    assert read_release(text.decode()).fields["origin"] != "Docker"


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
