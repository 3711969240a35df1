"""What linking does to files: prefixes, noarch python, scripts, clobbering, damage, rollback."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from builder import proc
from tests.support import conda_packages as makers
from tests.support.conda_packages import PLACEHOLDER, File, Made, Recipe
from tests.support.conda_program import Conda


def test_text_prefixes_are_replaced(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    prefix = tmp_path / "env"
    assert conda.create(prefix, hello.line).code == 0
    assert (prefix / "bin/hello").read_text().startswith(f"#!{prefix}/bin/python\n")
    assert (prefix / "bin/hello").stat().st_nlink == 1, "the package directory's copy stays as it was"


def test_binary_prefixes_keep_the_length(conda: Conda, tmp_path: Path) -> None:
    data = b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib/x\0tail\0"
    made = makers.make(tmp_path / "made", Recipe("binary", {"lib/x.so": File(data, 0o755, "binary")}))
    conda.provide(made)
    prefix = tmp_path / "env"
    assert len(str(prefix)) <= len(PLACEHOLDER), "pytest's directory is too long for this test"
    assert conda.create(prefix, made.line).code == 0
    linked = (prefix / "lib/x.so").read_bytes()
    assert len(linked) == len(data)
    assert linked.startswith(b"\x7fELF\0" + str(prefix).encode() + b"/lib/x\0\0")
    assert linked.endswith(b"tail\0")


def test_a_prefix_too_long_for_a_binary_fails_and_leaves_nothing(conda: Conda, tmp_path: Path) -> None:
    data = b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib\0"
    made = makers.make(tmp_path / "made", Recipe("binary", {"lib/x.so": File(data, 0o755, "binary")}))
    conda.provide(made)
    prefix = tmp_path / ("long" * 40)
    done = conda.create(prefix, made.line)
    assert done.code == 1
    assert "too short" in done.stderr
    assert not (prefix / "conda-meta/history").exists()


def test_a_shebang_too_long_for_linux_uses_env(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    prefix = tmp_path / ("long" * 40)
    assert conda.create(prefix, hello.line).code == 0
    assert (prefix / "bin/hello").read_text().splitlines()[0] == "#!/usr/bin/env python"


def test_noarch_python_goes_where_python_wants_it(
    conda: Conda, tmp_path: Path, greeter: Made, python_package: Made
) -> None:
    """Whatever the order of the lock: python first, then site-packages, console scripts, bytecode, the record."""
    conda.provide(greeter, python_package)
    prefix = tmp_path / "env"
    assert conda.create(prefix, greeter.line, python_package.line).code == 0
    (site,) = prefix.glob("lib/python3.*/site-packages")
    minor = site.parent.name
    assert (site / "greeter/__init__.py").is_file()
    assert list((site / "greeter/__pycache__").glob("__init__.cpython-*.pyc"))
    assert (prefix / "bin/greet-script").is_file()
    assert (prefix / "bin/greet").read_text().startswith(f"#!{prefix}/bin/{minor}\n")
    assert proc.run([prefix / "bin/greet"], env={"PYTHONPATH": ""}).stdout == "greetings\n"
    record = json.loads((prefix / f"conda-meta/{greeter.dist}.json").read_text())
    assert f"lib/{minor}/site-packages/greeter/__init__.py" in record["files"]
    assert "bin/greet" in record["files"]
    assert any(path["path_type"] == "pyc_file" for path in record["paths_data"]["paths"])
    names = [row["name"] for row in conda.json("list", "-p", prefix)]
    assert names == ["greeter", "python"]


def test_what_pip_installed_is_listed_as_pypi(conda: Conda, tmp_path: Path, python_package: Made) -> None:
    conda.provide(python_package)
    prefix = tmp_path / "env"
    assert conda.create(prefix, python_package.line).code == 0
    (library,) = prefix.glob("lib/python3.*")
    metadata = library / "site-packages/from_pip-2.0.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: from_pip\nVersion: 2.0\n")
    (metadata.parent / "RECORD").write_text("from_pip-2.0.dist-info/METADATA,,\n")
    rows = {row["name"]: row for row in conda.json("list", "-p", prefix)}
    assert rows["from-pip"]["channel"] == "pypi"
    assert rows["from-pip"]["version"] == "2.0"


@pytest.mark.parametrize("point", ["../../evil = m:f", "x = m:f\nimport os", "x = os;system:f"])
def test_hostile_entry_points_are_refused(
    conda: Conda, tmp_path: Path, python_package: Made, point: str
) -> None:
    """Fixed in conda 26.5.2: entry points are validated."""
    files = {"site-packages/m.py": b"def f(): pass\n"}
    made = makers.make(tmp_path / "made", Recipe("evil", files, noarch="python", entry_points=(point,)))
    conda.provide(made, python_package)
    assert conda.create(tmp_path / "env", python_package.line, made.line).code == 1
    assert not (tmp_path / "env/conda-meta/history").exists()


def _member(name: str, *, link: str = "", kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    if link:
        info.type, info.linkname = kind, link
    else:
        info.size = 1
    return info


@pytest.mark.parametrize(
    "members",
    [
        [_member("../outside")],
        [_member("/tmp/imgbuild-outside")],
        [_member("link", link="../../.."), _member("link/outside")],
        [_member("link", link="/tmp"), _member("link/outside")],
        [_member("hard", link="../../../etc/hostname", kind=tarfile.LNKTYPE)],
        [
            _member("c/x"),
            _member("a/b/l", link="../../c"),
            _member("m", link="a/b/l/../../.."),
            _member("m/outside"),
        ],
    ],
    ids=["parent", "absolute", "symlink", "absolute symlink", "hard link", "chain of symlinks"],
)
def test_archives_cannot_write_outside(conda: Conda, tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    made = makers.make(tmp_path / "made", Recipe("evil", {"share/x": b"x"}, members=members))
    conda.provide(made)
    before = set(tmp_path.rglob("*outside*"))
    done = conda.create(tmp_path / "env", made.line)
    assert done.code == 1
    assert not (tmp_path / "env/conda-meta/history").exists()
    assert set(tmp_path.rglob("*outside*")) == before
    assert not (conda.pkgs / made.dist).exists()


@pytest.mark.row("mount-heals")
def test_a_truncated_archive_fails_and_heals(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """InvalidArchiveError now; with the right archive in its place the next run passes."""
    whole = hello.path.read_bytes()
    conda.provide(hello)
    (conda.second / hello.path.name).write_bytes(whole[: len(whole) // 2])
    done = conda.create(tmp_path / "env", hello.url)
    assert done.code == 1
    assert "InvalidArchiveError" in done.stderr or "OfflineError" in done.stderr
    assert not (tmp_path / "env").exists()
    (conda.second / hello.path.name).write_bytes(whole)
    (conda.pkgs / hello.path.name).unlink(missing_ok=True)
    assert conda.create(tmp_path / "env", hello.line).code == 0


@pytest.mark.row("mount-missing-file", "error-corrupted")
def test_a_file_missing_from_the_package_directory_fails_until_cleaned(
    conda: Conda, tmp_path: Path, hello: Made
) -> None:
    """CondaVerificationError, "appears to be corrupted"; clean and try once more."""
    conda.provide(hello)
    assert conda.create(tmp_path / "env", hello.line).code == 0
    (conda.unpacked(hello) / "share/hello.txt").unlink()
    for _ in range(2):
        done = conda.create(tmp_path / "env2", hello.line)
        assert done.code == 1
        assert "CondaVerificationError" in done.stderr
        assert "appears to be corrupted" in done.stderr
        assert not (tmp_path / "env2").exists()
    conda.ok("clean", "-a", "-f", "-y")
    conda.provide(hello)
    assert conda.create(tmp_path / "env2", hello.line).code == 0


@pytest.mark.row("hashes-same-size", "hashes-extra")
def test_a_changed_file_of_the_same_size_is_not_noticed(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """Installed silently; CONDA_SAFETY_CHECKS=enabled with CONDA_EXTRA_SAFETY_CHECKS=yes makes it an error."""
    conda.provide(hello)
    assert conda.create(tmp_path / "env", hello.line).code == 0
    changed = conda.unpacked(hello) / "share/hello.txt"
    changed.unlink()
    changed.write_text("ho\n")
    done = conda.create(tmp_path / "env2", hello.line)
    assert done.code == 0
    assert "SafetyError" not in done.stderr
    strict = {"CONDA_SAFETY_CHECKS": "enabled", "CONDA_EXTRA_SAFETY_CHECKS": "yes"}
    done = conda.create(tmp_path / "env3", hello.line, env=strict)
    assert done.code == 1
    assert "SafetyError" in done.stderr


@pytest.mark.row("hashes-other-size")
def test_a_changed_size_is_a_warning_or_an_error(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    assert conda.create(tmp_path / "env", hello.line).code == 0
    changed = conda.unpacked(hello) / "share/hello.txt"
    changed.unlink()
    changed.write_text("longer\n")
    done = conda.create(tmp_path / "env2", hello.line)
    assert done.code == 0
    assert "appears to be corrupted" in done.stderr
    assert conda.create(tmp_path / "env3", hello.line, env={"CONDA_SAFETY_CHECKS": "enabled"}).code == 1


def test_two_owners_of_a_path_pass_unless_prevented(conda: Conda, tmp_path: Path) -> None:
    one = makers.make(tmp_path / "made", Recipe("aa", {"share/same": b"a"}))
    two = makers.make(tmp_path / "made", Recipe("bb", {"share/same": b"b"}))
    conda.provide(one, two)
    done = conda.create(tmp_path / "env", one.line, two.line)
    assert done.code == 0
    assert (tmp_path / "env/share/same").read_bytes() in (b"a", b"b")
    refused = conda.create(tmp_path / "env2", one.line, two.line, env={"CONDA_PATH_CONFLICT": "prevent"})
    assert refused.code == 1
    assert "incompatible packages due to a shared path" in refused.stderr
    assert not (tmp_path / "env2/share").exists()


def test_a_failing_post_link_script_rolls_back(conda: Conda, tmp_path: Path) -> None:
    script = File(b"echo broken >&2\nexit 3\n", 0o755)
    made = makers.make(tmp_path / "made", Recipe("post", {"bin/.post-post-link.sh": script}))
    conda.provide(made)
    done = conda.create(tmp_path / "env", made.line)
    assert done.code == 1
    assert "post-link script failed" in done.stderr
    assert not (tmp_path / "env").exists()


def test_an_interrupt_rolls_back(conda: Conda, tmp_path: Path) -> None:
    """Ctrl-C while linking: the half-made environment is removed."""
    script = File(b"kill -INT $PPID\nexec sleep 60\n", 0o755)
    made = makers.make(tmp_path / "made", Recipe("slow", {"bin/.slow-post-link.sh": script}))
    conda.provide(made)
    done = conda.create(tmp_path / "env", made.line)
    assert done.code != 0
    assert "SIGINT" in done.stderr
    assert not (tmp_path / "env").exists()


def test_a_noarch_python_package_without_python_fails(conda: Conda, tmp_path: Path, greeter: Made) -> None:
    conda.provide(greeter)
    assert conda.create(tmp_path / "env", greeter.line).code == 1
    assert not (tmp_path / "env/conda-meta/history").exists()


def test_install_replaces_a_package_and_rolls_back(conda: Conda, tmp_path: Path, hello: Made) -> None:
    newer = makers.make(tmp_path / "made", Recipe("hello", {"share/hello.txt": b"new\n"}, version="2.0"))
    script = File(b"exit 1\n", 0o755)
    broken = makers.make(
        tmp_path / "made", Recipe("hello", {"bin/.hello-post-link.sh": script}, version="3.0")
    )
    conda.provide(hello, newer, broken)
    prefix = tmp_path / "env"
    assert conda.create(prefix, hello.line).code == 0
    words = ("install", "-y", "-p", prefix, "--offline", "-O", "-c", "conda-forge", "--file")
    conda.ok(*words, conda.lock(newer.line))
    assert (prefix / "share/hello.txt").read_text() == "new\n"
    assert not (prefix / "bin/hello").exists()
    assert conda(*words, conda.lock(broken.line)).code == 1
    assert (prefix / "share/hello.txt").read_text() == "new\n"
    assert [row["version"] for row in conda.json("list", "-p", prefix)] == ["2.0"]


@pytest.mark.row("error-space-unpack", "error-space-link")
@pytest.mark.parametrize("full", ["pkgs", "env"])
def test_a_full_disk_leaves_no_environment(conda: Conda, tmp_path: Path, full: str) -> None:
    """`[Errno 28]` with InvalidArchiveError while unpacking, with a rollback while linking."""
    data = {f"share/{number}": os.urandom(1 << 20) for number in range(4 if full == "pkgs" else 8)}
    made = makers.make(tmp_path / "made", Recipe("big", data))
    place = tmp_path / full
    place.mkdir(exist_ok=True)
    listing = f'"$@"; code=$?; ls "{place}/new" 2>&1; exit $code'
    script = f'mount -t tmpfs -o size=6m tmpfs "{place}" && {listing}'
    conda.wrapper = ("unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", script, "sh")
    if proc.run([*conda.wrapper, "true"], check=False).code:
        pytest.skip("this machine forbids mounts, so no small disk can be made")
    prefix = tmp_path / "env" / "new"
    only = {"CONDA_PKGS_DIRS": str(conda.pkgs)}
    done = conda.create(prefix, f"file://{made.path}", env=only)
    assert done.code == 1, done.stdout + done.stderr
    assert "Errno 28" in done.stderr or "No space left" in done.stderr
    if full == "pkgs":
        assert "InvalidArchiveError" in done.stderr
        assert not prefix.exists()
    else:
        assert "Rolling back transaction" in done.stdout
        assert "No such file" in done.stdout


def test_old_manifests_are_understood(conda: Conda, tmp_path: Path) -> None:
    """Packages from before paths.json: info/files and info/has_prefix."""
    made = makers.make(tmp_path / "made", Recipe("old", {}, extension=".tar.bz2"))
    files = {
        "info/index.json": json.dumps(
            {
                "name": "old",
                "version": "1.0",
                "build": "0",
                "build_number": 0,
                "subdir": "linux-64",
                "depends": [],
            }
        ),
        "info/files": "bin/old\n",
        "info/has_prefix": f"{PLACEHOLDER} text bin/old\n",
        "bin/old": f"#!{PLACEHOLDER}/bin/sh\n",
    }
    with tarfile.open(made.path, "w:bz2") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    conda.provide(made)
    prefix = tmp_path / "env"
    assert conda.create(prefix, made.line).code == 0
    assert (prefix / "bin/old").read_text() == f"#!{prefix}/bin/sh\n"
