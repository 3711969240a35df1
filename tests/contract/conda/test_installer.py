"""The installer's script: options, refusals, layout, and what a broken payload leaves behind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from builder import proc


def _run(
    script: Path, *words: str | Path, shell: str = "sh", env: dict[str, str] | None = None
) -> proc.Finished:
    return proc.run([shell, script, *words], env={"PYTHONPATH": "", **(env or {})}, check=False, stdin="")


@pytest.mark.row("installer-shells")
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_batch_mode_lays_out_a_prefix(installer: Path, tmp_path: Path, shell: str) -> None:
    """Works with sh and bash, without network, with a HOME that cannot be written."""
    prefix = tmp_path / "conda"
    done = _run(installer, "-b", "-p", prefix, shell=shell, env={"HOME": "/proc/none"})
    assert done.code == 0, done.stderr
    for path in (
        "bin/conda", "bin/python", "bin/activate", "condabin/conda", "conda-meta/history", "envs", "pkgs/urls.txt",
        "etc/profile.d/conda.sh", "LICENSE.txt", ".condarc", "_conda",
    ):  # fmt: skip
        assert (prefix / path).exists(), path
    assert list((prefix / "conda-meta").glob("conda-*.json"))
    assert "defaults" in (prefix / ".condarc").read_text()
    assert "conda" in proc.run([prefix / "bin/conda", "list"], env={"PYTHONPATH": ""}).stdout


@pytest.mark.row("installer-removable")
def test_the_bootstrapper_and_the_package_cache_may_be_removed(installer: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "conda"
    assert _run(installer, "-b", "-p", prefix).code == 0
    (prefix / "_conda").unlink()
    shutil.rmtree(prefix / "pkgs")
    proc.run([prefix / "bin/conda", "info"], env={"PYTHONPATH": ""})


@pytest.mark.row("installer-name")
def test_the_name_must_end_in_sh(installer: Path, tmp_path: Path) -> None:
    other = tmp_path / "installer"
    shutil.copy(installer, other)
    done = _run(other, "-b", "-p", tmp_path / "conda")
    assert done.code == 1
    assert not (tmp_path / "conda").exists()


@pytest.mark.row("installer-prefix", "mount-installer")
def test_an_existing_prefix_is_refused_without_update(installer: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "conda"
    prefix.mkdir()
    done = _run(installer, "-b", "-p", prefix)
    assert done.code == 1
    assert "already exists" in done.stdout + done.stderr
    assert not list(prefix.iterdir())
    for option in ("-u", "-f"):
        assert _run(installer, "-b", option, "-p", prefix).code == 0
        assert (prefix / "bin/conda").is_file()


def test_a_prefix_with_spaces_is_refused(installer: Path, tmp_path: Path) -> None:
    done = _run(installer, "-b", "-p", tmp_path / "with space")
    assert done.code == 1
    assert "spaces" in done.stdout + done.stderr


def test_help_and_unknown_options(installer: Path) -> None:
    shown = _run(installer, "-h")
    assert shown.code == 2
    assert "-b" in shown.stdout
    assert _run(installer, "-Z").code == 1


@pytest.mark.row("installer-licence")
def test_without_batch_the_license_is_asked(installer: Path, tmp_path: Path) -> None:
    """The end of input is no: nothing is installed."""
    done = _run(installer, "-p", tmp_path / "conda")
    assert done.code != 0
    assert not (tmp_path / "conda").exists()


@pytest.mark.row("installer-broken")
def test_a_truncated_payload_leaves_a_half_made_prefix(installer: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sh"
    data = installer.read_bytes()
    broken.write_bytes(data[: len(data) * 2 // 3])
    done = _run(broken, "-b", "-p", tmp_path / "conda")
    assert done.code in (1, 255)
    assert (tmp_path / "conda").exists()
    assert not (tmp_path / "conda/bin/conda").exists()


@pytest.mark.row("hashes-installer-md5")
def test_another_md5_only_warns(installer: Path, tmp_path: Path) -> None:
    """The installer's own md5 check only warns, so the sha256 is ours to check."""
    changed = tmp_path / "changed.sh"
    changed.write_bytes(installer.read_bytes() + b"\0\0\0\0")
    done = _run(changed, "-b", "-p", tmp_path / "conda")
    assert done.code == 0, done.stderr
    assert "WARNING: md5sum mismatch" in done.stderr


@pytest.mark.row("installer-space")
def test_too_little_space_is_seen_first(installer: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "small/conda"
    prefix.parent.mkdir()
    flag = "-m" if os.geteuid() == 0 else "-rm"
    mount = f'mount -t tmpfs -o size=20m tmpfs "{prefix.parent}"'
    if proc.run(["unshare", flag, "sh", "-c", mount], check=False).code:
        pytest.skip("this machine forbids mounts, so no small disk can be made")
    done = proc.run(
        ["unshare", flag, "sh", "-c", f'{mount} && sh "{installer}" -b -p "{prefix}"'], check=False
    )
    assert done.code == 1
    assert "Not enough free disk space" in done.stderr


def test_an_old_c_library_is_refused(installer: Path, tmp_path: Path) -> None:
    done = _run(installer, "-b", "-p", tmp_path / "conda", env={"CONDA_OVERRIDE_GLIBC": "2.12"})
    assert done.code == 1
    assert "Installer requires GLIBC" in done.stderr
    assert not (tmp_path / "conda").exists()


@pytest.mark.row("installer-user")
def test_a_user_without_rights_gets_a_mark(installer: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        prefix = tmp_path / "conda"
        assert _run(installer, "-b", "-p", prefix).code == 0
        assert (prefix / ".nonadmin").exists()
        return
    place = Path(f"/tmp/imgbuild-installer-test-{os.getpid()}")  # others may not enter pytest's directory
    place.mkdir()
    try:
        shutil.copy(installer, place / "i.sh")
        os.chown(place, 12345, 12345)
        user = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
        done = proc.run(
            [*user, "sh", place / "i.sh", "-b", "-p", place / "conda"],
            env={"HOME": "/nonexistent"},
            check=False,
        )
        assert done.code == 0, done.stderr
        assert (place / "conda/.nonadmin").exists()
    finally:
        shutil.rmtree(place)
