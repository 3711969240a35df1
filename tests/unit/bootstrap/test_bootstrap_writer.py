"""What a bootstrap does before and around its work: refusals, cleaning up, telling."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from pathlib import Path

import pytest

from builder.errors import BuildError, LockError, UsageError
from builder.progress import Event, StepFinished, StepStarted
from builder.spec.model import Base, CondaEnvironment, ImageSpec, Installer
from builder.store.bootstrap import apt, bootstrap_kit, writer
from builder.store.bootstrap.base import mounts_below, sources_list
from builder.store.bootstrap.steps import Serial, Stopped, step
from builder.store.bootstrap.tree import write_tar
from builder.store.kitfile import Manifest, list_files, write_manifest


def spec(suite: str = "bookworm", conda: tuple[str, ...] = ("numpy",), name: str = "one") -> ImageSpec:
    environment = CondaEnvironment(name=name, channels=("conda-forge",), conda=conda, file=Path("e.yml"))
    return ImageSpec(
        name=name,
        folder=Path("envs/one"),
        base=Base(
            key=f"debian-{suite}", ref="debian:x", family="debian", suite=suite, glibc="2.36",
            platforms=("linux/amd64",),
        ),
        installer=Installer(kind="miniconda", version="26.5.3-1"),
        environments=(environment,),
    )  # fmt: skip


def whole_kit(folder: Path, *specs: ImageSpec) -> None:
    folder.mkdir()
    (folder / "file").write_bytes(b"content")
    images = {one.ref: writer.asked_for(one) for one in specs}
    write_manifest(
        folder,
        Manifest(id="", stand_in=True, platform="linux/amd64", python="3.11.2", images=images, bases=(),
                 installers=(), files=list_files(folder)),
    )  # fmt: skip


def test_the_same_whole_kit_is_kept(tmp_path: Path) -> None:
    whole_kit(tmp_path / "kit", spec())
    told: list[Event] = []
    kit = bootstrap_kit(tmp_path / "kit", [spec()], told.append)
    assert kit.root == tmp_path / "kit"
    assert "exists already" in str(told)


def test_a_kit_of_other_definitions_is_refused(tmp_path: Path) -> None:
    whole_kit(tmp_path / "kit", spec())
    with pytest.raises(UsageError, match="exists already") as caught:
        bootstrap_kit(tmp_path / "kit", [spec(conda=("numpy", "pandas"))])
    assert "another directory" in caught.value.fix


def test_a_damaged_kit_is_refused(tmp_path: Path) -> None:
    whole_kit(tmp_path / "kit", spec())
    (tmp_path / "kit/file").write_bytes(b"CONTENT")
    with pytest.raises(UsageError, match="damaged"):
        bootstrap_kit(tmp_path / "kit", [spec()])


def test_somebody_elses_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter").write_text("dear")
    with pytest.raises(UsageError, match="not a kit"):
        bootstrap_kit(tmp_path / "home", [spec()])
    assert (tmp_path / "home/letter").read_text() == "dear"


def test_no_environment_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        bootstrap_kit(tmp_path / "kit", [])


def test_nothing_half_made_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path, *_rest: object) -> None:
        (folder / "base").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "_prepare", fail)
    with pytest.raises(KeyboardInterrupt):
        bootstrap_kit(tmp_path / "kit", [spec()])
    assert list(tmp_path.iterdir()) == []


def test_another_suite_than_the_machines_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        apt, "_os_release", lambda: {"VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian 12"}
    )
    monkeypatch.setattr(apt, "_require_tools", lambda: None)
    with pytest.raises(BuildError, match="a base of trixie cannot be made on Debian 12"):
        apt.machine_apt("trixie", tmp_path)


def test_missing_tools_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        apt.shutil, "which", lambda tool, **_: None if tool == "debootstrap" else "/usr/bin/x"
    )
    with pytest.raises(BuildError, match="not installed: debootstrap") as caught:
        apt._require_tools()
    assert "apt-get install debootstrap" in caught.value.fix


def test_an_image_without_an_installer_is_refused_before_the_work(tmp_path: Path) -> None:
    bare = spec().model_copy(update={"installer": None})
    with pytest.raises(LockError, match="installer"):
        bootstrap_kit(tmp_path / "kit", [bare])


def test_the_digest_of_what_was_asked_knows_every_part() -> None:
    digests = {
        writer.asked_for(one)
        for one in (
            spec(),
            spec(conda=("numpy", "pandas")),
            spec("trixie"),
            spec().model_copy(update={"installer": Installer(kind="miniforge", version="26.5.3-1")}),
        )
    }
    assert len(digests) == 4
    assert writer.asked_for(spec()) == writer.asked_for(spec())


def test_an_error_in_one_thread_stops_the_other() -> None:
    serial, reached, failed = Serial(lambda _event: None), threading.Event(), threading.Event()
    outcome: list[BaseException] = []

    def other() -> None:
        try:
            with step(serial, "other", "Other"):
                reached.set()
                failed.wait(10)
                serial(StepStarted("kit", "next", "Next"))
        except Stopped as error:
            outcome.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    reached.wait(10)
    with pytest.raises(ZeroDivisionError), serial.stopped_by_errors():
        raise ZeroDivisionError
    failed.set()
    thread.join(10)
    assert len(outcome) == 1


def test_a_failed_step_says_why() -> None:
    told: list[Event] = []
    with pytest.raises(ValueError, match="broken"), step(told.append, "x", "X"):
        raise ValueError("broken")
    assert isinstance(told[-1], StepFinished)
    assert told[-1].error == "broken"


def test_a_tree_is_the_same_tar_twice_and_keeps_owners_modes_and_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_bytes(b"tool")
    (root / "bin/tool").chmod(0o4755)
    (root / "bin/same").hardlink_to(root / "bin/tool")
    (root / "sh").symlink_to("bin/tool")
    write_tar(root, tmp_path / "one.tar", latest=1000)
    (root / "bin/tool").touch()
    write_tar(root, tmp_path / "two.tar", latest=1000)
    first, second = ((tmp_path / name).read_bytes() for name in ("one.tar", "two.tar"))
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()
    with tarfile.open(tmp_path / "one.tar") as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert list(members) == sorted(members)
    assert all(member.mtime <= 1000 for member in members.values())
    assert members["bin/same"].mode == 0o4755
    assert members["bin/tool"].islnk()
    assert members["sh"].linkname == "bin/tool"


def test_what_is_mounted_below_a_folder_is_found() -> None:
    lines = "1 0 0:1 / /tmp/x/root/proc rw - proc proc rw\n2 1 0:2 / /tmp/x/root/proc/sys rw - x x rw\n"
    lines += "3 0 0:3 / /tmp/xy/proc rw - proc proc rw\n4 0 0:4 / /proc rw - proc proc rw\n"
    assert mounts_below(Path("/tmp/x"), lines) == ["/tmp/x/root/proc", "/tmp/x/root/proc/sys"]


def test_the_base_is_told_the_distributions_own_servers() -> None:
    mirror = "http://debian.example.org/debian"
    lines = sources_list("debian", "bookworm", "amd64", debian=mirror).splitlines()
    assert lines[0] == f"deb {mirror} bookworm main"
    assert lines[2] == f"deb {mirror}-security bookworm-security main"
    assert "ports.ubuntu.com" in sources_list("ubuntu", "noble", "arm64", debian=mirror)
    assert "archive.ubuntu.com" in sources_list("ubuntu", "noble", "amd64", debian=mirror)
