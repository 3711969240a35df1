"""Offline from a second package directory; explicit files; refusals. Rows of reference/conda.md are named in each."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.support import conda_packages as makers
from tests.support.conda_packages import File, Made, Recipe
from tests.support.conda_program import MINIFORGE, REAL, Conda


@pytest.mark.row("offline-links", "offline-record")
def test_links_from_a_read_only_directory_with_urls(read_only: Conda, tmp_path: Path, hello: Made) -> None:
    """`CONDA_PKGS_DIRS=own,second` with urls.txt and `URL#MD5` links with the network off; the lock comes back."""
    if os.geteuid() != 0:
        read_only.second.chmod(0o755)
    read_only.provide(hello)
    if os.geteuid() != 0:
        read_only.second.chmod(0o555)
    prefix = tmp_path / "env"
    done = read_only.create(prefix, hello.line)
    assert done.code == 0, done.stderr
    record = json.loads((prefix / "conda-meta" / f"{hello.dist}.json").read_text())
    assert record["url"] == hello.url
    assert record["channel"].startswith(makers.CHANNEL)
    assert record["md5"] == hello.md5
    listed = read_only.ok("list", "-p", prefix, "--explicit", "--md5").stdout.splitlines()
    assert [line for line in listed if not line.startswith("#")] == ["@EXPLICIT", hello.line]
    assert hello.url in (read_only.pkgs / "urls.txt").read_text()
    assert sorted(path.name for path in read_only.second.iterdir()) == sorted([hello.path.name, "urls.txt"])


@pytest.mark.row("offline-no-urls")
def test_without_urls_the_directory_is_not_used(read_only: Conda, tmp_path: Path, hello: Made) -> None:
    """Without `urls.txt` conda does not take the archives and stops with OfflineError."""
    if os.geteuid() != 0:
        read_only.second.chmod(0o755)
    read_only.provide(hello, urls=False)
    done = read_only.create(tmp_path / "env", hello.line)
    assert done.code == 1
    assert "OfflineError" in done.stderr
    assert not (tmp_path / "env").exists()


@pytest.mark.row("offline-other-url")
def test_an_archive_of_another_address_is_not_used(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """The archive's canonical address must stand in urls.txt, not only its name."""
    conda.provide(hello)
    (conda.second / "urls.txt").write_text(f"https://elsewhere.example/linux-64/{hello.path.name}\n")
    done = conda.create(tmp_path / "env", hello.line)
    assert done.code == 1
    assert "OfflineError" in done.stderr


@pytest.mark.row("offline-sha256")
def test_sha256_lines_are_not_taken_offline(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """`#sha256:` lines find nothing in a package directory, even with the right hash."""
    conda.provide(hello)
    for form in (f"{hello.url}#sha256:{hello.sha256}", f"{hello.url}#{hello.sha256}"):
        done = conda.create(tmp_path / "env", form)
        assert done.code == 1
        assert "OfflineError" in done.stderr


@pytest.mark.row("offline-wrong-md5")
def test_a_wrong_md5_matches_no_archive(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """An archive with another md5 is not the package, so conda would download it."""
    conda.provide(hello)
    done = conda.create(tmp_path / "env", f"{hello.url}#{'0' * 32}")
    assert done.code == 1
    assert "OfflineError" in done.stderr
    assert not (tmp_path / "env").exists()


@pytest.mark.row("hashes-file-not-checked")
def test_file_addresses_are_copied_without_comparison(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """`file://` packages: an all-zero sha256 passes with exit 0."""
    done = conda.create(tmp_path / "env", f"file://{hello.path}#{'0' * 64}")
    assert done.code == 0, done.stderr
    assert (tmp_path / "env/share/hello.txt").read_text() == "hi\n"


def test_every_missing_package_is_named(conda: Conda, tmp_path: Path, hello: Made, greeter: Made) -> None:
    done = conda.create(tmp_path / "env", hello.line, greeter.line)
    assert done.code == 1
    assert hello.url in done.stderr
    if not REAL:
        assert greeter.url in done.stderr


@pytest.mark.row("zero-empty-lock")
@pytest.mark.parametrize("text", ["", "# only a comment\n", "@EXPLICIT\n"])
def test_an_empty_lock_makes_an_empty_environment(conda: Conda, tmp_path: Path, text: str) -> None:
    """An empty or comment-only lock makes an empty environment, exit 0."""
    lock = tmp_path / "lock.txt"
    lock.write_text(text)
    prefix = tmp_path / "env"
    words = ("-y", "-q", "--offline", "--override-channels", "-c", "conda-forge")
    conda.ok("create", *words, "-p", prefix, "--file", lock)
    assert (prefix / "conda-meta/history").is_file()
    assert not list((prefix / "conda-meta").glob("*.json"))


@pytest.mark.row("zero-no-mark", "error-not-found")
def test_without_the_explicit_line_a_solver_is_needed(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """A lock without `@EXPLICIT` goes through the solver and contacts channels; offline that fails."""
    conda.provide(hello)
    lock = conda.lock("numpy", head="").rename(conda.work / "lock.txt")
    done = conda(
        "create",
        "-y",
        "-p",
        tmp_path / "env",
        "--offline",
        "--override-channels",
        "-c",
        "conda-forge",
        "--file",
        lock,
    )
    assert done.code == 1
    assert "numpy" in done.stderr
    assert not (tmp_path / "env").exists()


def test_an_unreadable_line_is_named(conda: Conda, tmp_path: Path) -> None:
    done = conda.create(tmp_path / "env", "https://example.org/not-a-package.txt")
    assert done.code == 1
    assert "Could not parse explicit URL" in done.stderr


@pytest.mark.row("zero-platform")
def test_platform_comment_is_not_enforced(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """`# platform:` in a lock is not enforced."""
    conda.provide(hello)
    lock = conda.lock(hello.line, head="# platform: osx-arm64\n@EXPLICIT\n")
    conda.ok("create", "-y", "-p", tmp_path / "env", "--offline", "-O", "-c", "conda-forge", "--file", lock)


@pytest.mark.row("zero-download-only")
def test_download_only_is_ignored_for_explicit_files(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """`--download-only` is ignored for explicit files: the environment is made."""
    conda.provide(hello)
    assert conda.create(tmp_path / "env", hello.line, words=["--download-only"]).code == 0
    assert (tmp_path / "env/share/hello.txt").is_file()


@pytest.mark.row("zero-create-again")
def test_an_existing_environment_is_made_anew_with_yes(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """`conda create -y -n existing` deletes and makes it anew."""
    conda.provide(hello)
    prefix = tmp_path / "env"
    assert conda.create(prefix, hello.line).code == 0
    (prefix / "mine").touch()
    assert conda.create(prefix, hello.line).code == 0
    assert not (prefix / "mine").exists()


@pytest.mark.row("zero-no-answer")
def test_end_of_input_keeps_an_existing_environment(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """Without -y and without a terminal, "Remove existing environment?" is no: exit 0, nothing done."""
    conda.provide(hello)
    prefix = tmp_path / "env"
    assert conda.create(prefix, hello.line).code == 0
    (prefix / "mine").touch()
    done = conda(
        "create", "-p", prefix, "--offline", "-O", "-c", "conda-forge", "--file", conda.lock(hello.line)
    )
    assert done.code == 0
    assert (prefix / "mine").exists()


def test_a_dry_run_makes_nothing(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    done = conda.create(tmp_path / "env", hello.line, words=["--dry-run"])
    assert done.code == 0
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["creat"],
        ["create", "--no-such-option", "-n", "x"],
        ["create", "-y"],
        ["list", "--nope"],
        ["clean"],
        ["env", "remove", "-n", "x", "-O"],
    ],
)
def test_wrong_usage_ends_with_two(conda: Conda, words: list[str]) -> None:
    assert conda(*words).code == 2


@pytest.mark.parametrize("name", ["a/b", "a b", "a:b", "a#b", "base"])
def test_names_that_cannot_be(conda: Conda, hello: Made, name: str) -> None:
    conda.provide(hello)
    words = ("--offline", "-O", "-c", "conda-forge", "--file", conda.lock(hello.line))
    done = conda("create", "-y", "-n", name, *words)
    assert done.code == 1
    assert "Traceback" not in done.stderr


@pytest.mark.row("repeat-outside")
def test_a_named_environment_lies_below_envs(conda: Conda, hello: Made) -> None:
    conda.provide(hello)
    words = ("--offline", "-O", "-c", "conda-forge", "--file", conda.lock(hello.line))
    conda.ok("create", "-y", "-q", "-n", "named", *words)
    assert (conda.root / "envs/named/conda-meta/history").is_file()
    assert str(conda.root / "envs/named") in conda.json("env", "list")["envs"]
    assert str(conda.root / "envs/named") in (conda.home / ".conda/environments.txt").read_text()


@pytest.mark.row("run-home")
def test_create_wants_a_home(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """Registration is skipped where HOME cannot be written; what is known of the channel's terms is not."""
    conda.provide(hello)
    nowhere = {"HOME": "/proc/none"}
    assert conda.create(tmp_path / "env", hello.line, env=nowhere).code == (0 if MINIFORGE else 1)
    for words in (["list", "-p", conda.root], ["run", "-p", conda.root, "true"]):
        assert conda(*words, env=nowhere).code == 0
    assert conda("info", env=nowhere).code == 1
    cached = {**nowhere, "XDG_CACHE_HOME": str(tmp_path / "caches")}
    assert conda.create(tmp_path / "env", hello.line, env=cached).code == 0


@pytest.mark.row("zero-empty-explicit-name")
@pytest.mark.parametrize("text", ["", "# only a comment\n", "numpy\n"])
def test_a_file_named_explicit_needs_the_mark(conda: Conda, tmp_path: Path, text: str) -> None:
    """By this name conda takes a file for an explicit one before it reads it."""
    lock = conda.lock(head=text)
    assert lock.name == "explicit.txt"
    done = conda(
        "create", "-y", "-p", tmp_path / "env", "--offline", "-O", "-c", "conda-forge", "--file", lock
    )
    assert done.code == 1
    assert "Missing the explicit marker" in done.stderr
    assert not (tmp_path / "env").exists()


@pytest.mark.row("zero-env-create-again")
def test_env_create_replaces_without_a_question(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    (conda.root / ".condarc").write_text("channels: [conda-forge]\n")
    prefix = tmp_path / "env"
    for _ in range(2):
        conda.ok("env", "create", "-q", "-p", prefix, "--offline", "--file", conda.lock(hello.line), stdin="")
        assert not (prefix / "mine").exists()
        (prefix / "mine").touch()


@pytest.mark.row("run-frozen-create")
def test_create_replaces_a_frozen_environment(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    prefix = tmp_path / "env"
    assert conda.create(prefix, hello.line).code == 0
    (prefix / "conda-meta/frozen").write_text("{}")
    assert conda.create(prefix, hello.line).code == 0
    assert not (prefix / "conda-meta/frozen").exists()


@pytest.mark.row("repeat-outside")
def test_what_a_create_leaves_in_the_home(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.provide(hello)
    assert conda.create(tmp_path / "env", hello.line).code == 0
    left = {str(path.relative_to(conda.home)) for path in conda.home.rglob("*") if path.is_file()}
    assert ".conda/environments.txt" in left
    assert {path for path in left if not path.startswith((".conda/", ".cache/"))} == set()


@pytest.mark.row("run-frozen")
def test_a_frozen_environment_refuses_changes(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """`conda-meta/frozen` (JSON with "message") makes conda refuse changes with that message."""
    conda.provide(hello)
    prefix = tmp_path / "env"
    assert conda.create(prefix, hello.line).code == 0
    (prefix / "conda-meta/frozen").write_text(json.dumps({"message": "made by a lock"}))
    done = conda(
        "install",
        "-y",
        "-p",
        prefix,
        "--offline",
        "-O",
        "-c",
        "conda-forge",
        "--file",
        conda.lock(hello.line),
    )
    assert done.code == 1
    assert "made by a lock" in done.stderr
    removed = conda("remove", "-y", "--all", "-p", prefix, "--offline", "-O", "-c", "conda-forge")
    assert removed.code == 1
    assert "made by a lock" in removed.stderr
    assert (prefix / "share/hello.txt").is_file()


def test_json_errors_are_one_document(conda: Conda, tmp_path: Path, hello: Made) -> None:
    done = conda.create(tmp_path / "env", hello.line, words=["--json"])
    assert done.code == 1
    assert "OfflineError" in json.dumps(json.loads(done.stdout))


@pytest.mark.row("repeat-files")
def test_two_creates_of_one_lock_differ_in_two_files(
    conda: Conda, tmp_path: Path, hello: Made, greeter: Made, python_package: Made
) -> None:
    """Of all files only conda-meta/history and conda-meta/created_at differ."""
    conda.provide(hello, greeter, python_package)
    prefix = tmp_path / "env"
    kept = []
    for _ in range(2):
        assert conda.create(prefix, greeter.line, hello.line, python_package.line).code == 0
        kept.append({str(p.relative_to(prefix)): p.read_bytes() for p in prefix.rglob("*") if p.is_file()})
    differing = {path for path in kept[0].keys() | kept[1].keys() if kept[0].get(path) != kept[1].get(path)}
    assert differing <= {"conda-meta/history", "conda-meta/created_at"}


def test_archives_of_both_formats(conda: Conda, tmp_path: Path) -> None:
    old = makers.make(tmp_path / "made", Recipe("old", {"share/old": b"old"}, extension=".tar.bz2"))
    conda.provide(old)
    assert conda.create(tmp_path / "env", old.line).code == 0
    assert (tmp_path / "env/share/old").read_bytes() == b"old"


def test_modes_and_links_are_kept(conda: Conda, tmp_path: Path) -> None:
    files: dict[str, File | bytes] = {
        "bin/tool": File(b"#!/bin/sh\n", 0o755),
        "bin/alias": File(link="tool"),
        "share/data": b"1",
    }
    made = makers.make(tmp_path / "made", Recipe("tool", files))
    conda.provide(made)
    prefix = tmp_path / "env"
    assert conda.create(prefix, made.line).code == 0
    assert stat.S_IMODE((prefix / "bin/tool").stat().st_mode) & 0o111
    assert (prefix / "bin/alias").readlink() == Path("tool")
    assert (prefix / "share/data").stat().st_nlink == 2, "hard-linked from the package directory"
    copied = tmp_path / "copied"
    assert conda.create(copied, made.line, words=["--copy"]).code == 0
    assert (copied / "share/data").stat().st_nlink == 1
