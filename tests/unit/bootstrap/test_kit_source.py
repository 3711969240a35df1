"""A kit as a source: strict reading, files by URL and hash, never outside."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builder.errors import BuildError, LockError, UsageError
from builder.lock.model import LockedFile
from builder.lock.source import Source
from builder.spec.model import Base, CondaEnvironment, ImageSpec, Installer
from builder.store.kit import Kit
from builder.store.kitfile import KitBase, KitInstaller, Manifest, list_files, write_locked, write_manifest

WHEEL = b"a wheel"
WHEEL_URL = "kit:///wheels/a-1-py3-none-any.whl"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small whole kit."""
    folder = tmp_path / "kit"
    for name, data in {
        "base/bookworm.tar": b"base",
        "installer/Miniconda3-standin.sh": b"installer",
        "wheels/a-1-py3-none-any.whl": WHEEL,
        "wheels/b+cpu.whl": b"local version",
        "locks/regression/imgbuild.lock.json": b"{}",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    base = KitBase(
        key="debian-bookworm",
        suite="bookworm",
        glibc="2.36",
        path="base/bookworm.tar",
        packages={"libc6": "2.36-9"},
    )
    installer = KitInstaller(kind="miniconda", version="26.5.3-1", path="installer/Miniconda3-standin.sh")
    manifest = Manifest(
        id="", stand_in=True, platform="linux/amd64", python="3.11.2", images={"regression": "0" * 64},
        bases=(base,), installers=(installer,), files=list_files(folder),
    )  # fmt: skip
    write_manifest(folder, manifest)
    return folder


def spec(key: str = "debian-bookworm", version: str = "26.5.3-1") -> ImageSpec:
    return ImageSpec(
        name="regression",
        folder=Path("envs/regression"),
        base=Base(
            key=key,
            ref="debian:x",
            family="debian",
            suite="bookworm",
            glibc="2.36",
            platforms=("linux/amd64",),
        ),
        installer=Installer(kind="miniconda", version=version),
        environments=(CondaEnvironment(name="regression", channels=(), conda=(), file=Path("e.yml")),),
    )


def wheel(url: str = WHEEL_URL, data: bytes = WHEEL) -> LockedFile:
    return LockedFile(url=url, sha256=sha(data))


def test_a_kit_is_a_source(root: Path) -> None:
    kit: Source = Kit.open(root)
    base = kit.base(spec(), "linux/amd64")
    assert base.ref == f"imgbuild/base:{sha(b'base')}"
    assert base.tar is not None
    assert base.tar.url == "kit:///base/bookworm.tar"
    installer = kit.installer(spec(), "linux/amd64")
    assert installer.stand_in
    assert installer.url == "kit:///installer/Miniconda3-standin.sh"
    assert kit.id.label == f"kit:{Kit.open(root).manifest.id}"
    assert kit.lock_folder(spec()) == root / "locks/regression"
    assert kit.base_packages(spec(), "linux/amd64") == {"libc6"}
    assert kit.local(wheel()) == root / "wheels/a-1-py3-none-any.whl"


def test_urls_are_canonical_and_lead_back(root: Path) -> None:
    kit = Kit.open(root)
    channel = kit.channel_url("conda-forge")
    assert kit.canonical(channel) == "kit:///channel"
    assert kit.canonical(f"{channel}/linux-64/x.conda") == "kit:///channel/linux-64/x.conda"
    url = kit.canonical((root / "wheels/b+cpu.whl").as_uri())
    assert kit.local(wheel(url, b"local version")) == root / "wheels/b+cpu.whl"
    assert kit.canonical(url) == url
    assert kit.canonical("https://example.org/x") == "https://example.org/x"


def test_other_sources_files_are_found_by_hash(root: Path) -> None:
    kit = Kit.open(root)
    assert kit.local(wheel("https://example.org/a.whl")) == root / "wheels/a-1-py3-none-any.whl"
    assert kit.local(wheel("https://example.org/a.whl", b"another")) is None


@pytest.mark.parametrize(
    "url",
    [
        "kit:///../secret",
        "kit:///wheels/../../secret",
        "kit:////etc/passwd",
        "kit:///wheels/%2e%2e/x",
        "kit:///",
    ],
)
def test_nothing_outside_the_kit_is_taken(root: Path, url: str) -> None:
    (root.parent / "secret").write_bytes(WHEEL)
    with pytest.raises(BuildError, match="holds no"):
        Kit.open(root).local(wheel(url))


def test_a_link_in_place_of_a_file_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(WHEEL)
    path = root / "wheels/a-1-py3-none-any.whl"
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(BuildError, match="link"):
        Kit.open(root).local(wheel())


def test_a_linked_folder_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "wheels").rename(tmp_path / "elsewhere")
    (root / "wheels").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BuildError, match="link"):
        Kit.open(root).local(wheel())


def test_a_missing_or_shortened_file_is_an_error_at_once(root: Path) -> None:
    kit, path = Kit.open(root), root / "wheels/a-1-py3-none-any.whl"
    path.write_bytes(b"a")
    with pytest.raises(BuildError, match="7 bytes expected, got 1"):
        kit.local(wheel())
    path.unlink()
    with pytest.raises(BuildError, match="missing"):
        kit.local(wheel())


def test_a_lock_of_another_kit_is_told(root: Path) -> None:
    with pytest.raises(BuildError, match="not what the lock names"):
        Kit.open(root).local(wheel(data=b"another"))


def test_check_finds_every_difference(root: Path) -> None:
    kit = Kit.open(root)
    assert kit.check() == []
    (root / "wheels/a-1-py3-none-any.whl").write_bytes(b"b wheel")
    (root / "base/bookworm.tar").unlink()
    (root / "wheels/new.whl").write_bytes(b"new")
    faults = kit.check()
    assert len(faults) == 3
    assert any("base/bookworm.tar" in fault and "missing" in fault for fault in faults)
    assert any("a-1-py3" in fault and sha(b"b wheel") in fault for fault in faults)
    assert any("new.whl" in fault and "not named" in fault for fault in faults)


def test_a_directory_without_kit_yml_is_no_kit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a kit"):
        Kit.open(tmp_path)
    with pytest.raises(UsageError, match="not a kit"):
        Kit.open(tmp_path / "missing")


@pytest.mark.parametrize(
    "change", [("format: 1", "format: 2"), ("stand_in:", "standin:"), ("files:", "files: 3 #")]
)
def test_kit_yml_is_read_strictly(root: Path, change: tuple[str, str]) -> None:
    path = root / "kit.yml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(UsageError):
        Kit.open(root)


def test_a_changed_kit_yml_is_found(root: Path) -> None:
    path = root / "kit.yml"
    path.write_text(path.read_text().replace(sha(WHEEL), sha(b"evil")))
    with pytest.raises(BuildError, match="changed"):
        Kit.open(root)


def test_the_id_does_not_depend_on_locks_which_record_it(root: Path) -> None:
    before = Kit.open(root)
    (root / "locks/regression/imgbuild.lock.json").write_bytes(b'{"source": "this kit"}')
    write_manifest(root, before.manifest.model_copy(update={"files": list_files(root)}))
    after = Kit.open(root)
    assert after.id == before.id
    assert after.check() == []


def test_another_base_installer_or_platform_is_refused_by_name(root: Path) -> None:
    kit = Kit.open(root)
    with pytest.raises(LockError, match="no base debian-trixie, only debian-bookworm"):
        kit.base(spec("debian-trixie"), "linux/amd64")
    with pytest.raises(LockError, match=r"no installer miniconda=1\.2, only miniconda=26\.5\.3-1"):
        kit.installer(spec(version="1.2"), "linux/amd64")
    with pytest.raises(LockError, match="made for linux/amd64, not linux/arm64"):
        kit.base(spec(), "linux/arm64")


def write_a_lock(blank: Manifest, root: Path, says: str) -> None:
    (root / "locks/regression/imgbuild.lock.json").write_text(f'{{"kit": "{blank.id}", "says": "{says}"}}')


def test_the_id_stands_for_what_the_locks_say(root: Path) -> None:
    """They record the id, and are a part of it all the same."""
    before = Kit.open(root).manifest
    first = write_locked(root, before, lambda blank: write_a_lock(blank, root, "one"))
    kit = Kit.open(root)
    kit.check_locks(spec())
    assert kit.check() == []
    assert first.id in (root / "locks/regression/imgbuild.lock.json").read_text()
    again = write_locked(root, before, lambda blank: write_a_lock(blank, root, "one"))
    assert again == first
    assert write_locked(root, before, lambda blank: write_a_lock(blank, root, "two")).id != first.id


def test_a_lock_that_was_changed_together_with_its_row_is_refused(root: Path) -> None:
    made = write_locked(root, Kit.open(root).manifest, lambda blank: write_a_lock(blank, root, "one"))
    write_a_lock(made, root, "evil")
    kept = write_manifest(root, made.model_copy(update={"files": list_files(root)}))
    assert kept.id == made.id
    kit = Kit.open(root)
    assert kit.check() == ["locks/regression/imgbuild.lock.json: not the lock that the kit was made with"]
    with pytest.raises(LockError, match="the kit's lock was changed"):
        kit.check_locks(spec())


@pytest.mark.parametrize("text", ["id: 2001-99-99\n", f"id: {'9' * 5000}\n", "[" * 20_000])
def test_a_kit_yml_that_no_reader_takes_is_told(root: Path, text: str) -> None:
    (root / "kit.yml").write_text(text)
    with pytest.raises(UsageError):
        Kit.open(root)


def test_a_kit_without_a_base_says_so(root: Path) -> None:
    write_manifest(root, Kit.open(root).manifest.model_copy(update={"bases": ()}))
    with pytest.raises(LockError, match="the kit has no base debian-bookworm"):
        Kit.open(root).base(spec(), "linux/amd64")
