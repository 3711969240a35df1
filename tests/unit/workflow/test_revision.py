"""The commit of a project, from real git repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from builder.spec.project import Project
from builder.workflow.revision import revision_of


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=tests", "-c", "user.email=tests@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder of a repository, with one commit."""
    root = tmp_path / "repository" / "images"
    (root / "envs/one").mkdir(parents=True)
    (root / "envs/one/environment.yml").write_text("name: one\n")
    git(root.parent, "init", "-q")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-q", "-m", "One")
    return Project(root, root / "envs")


def test_the_commit_and_whether_definitions_differ_from_it(project: Project) -> None:
    (project.root / "notes.txt").write_text("beside envs/\n")
    found = revision_of(project)
    assert found is not None
    assert (found.commit, found.repository, found.changed) == (
        git(project.root, "rev-parse", "HEAD"),
        "",
        False,
    )
    (project.envs / "one/environment.yml").write_text("name: two\n")
    changed = revision_of(project)
    assert changed is not None
    assert changed.changed


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("https://me:hunter2-secret@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("https://token-12345678@git.example.org/a/b", "https://git.example.org/a/b"),
        ("git@git.example.org:a/b.git", "git@git.example.org:a/b.git"),
        ("ssh://git@git.example.org/a/b.git", "ssh://git.example.org/a/b.git"),
    ],
)
def test_the_remote_is_told_without_a_secret(project: Project, remote: str, told: str) -> None:
    git(project.root, "remote", "add", "origin", remote)
    found = revision_of(project)
    assert found is not None
    assert found.repository == told


def test_outside_of_a_repository_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision_of(Project(tmp_path, tmp_path / "envs")) is None
    git(tmp_path, "init", "-q")
    assert revision_of(Project(tmp_path, tmp_path / "envs")) is None, "it has no commit yet"


def test_without_git_nobody_knows(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision_of(project) is None
