from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import DefinitionError, UsageError
from builder.settings.read import from_words
from builder.spec.project import Project
from builder.store.given import GivenInstaller
from builder.store.upstream import Upstream
from builder.workflow.sources import Asked, choose

GIVEN = GivenInstaller(url="installer:///x.sh", sha256="0" * 64)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("IMGBUILD_KIT", raising=False)
    monkeypatch.setenv("IMGBUILD_SETTINGS", "none")
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    return Project(tmp_path, tmp_path / "envs")


def test_the_upstream_has_the_options_and_the_projects_file(project: Project) -> None:
    (project.root / "imgbuild.yml").write_text("channels: {lab: https://conda.example.org/lab}\n")
    settings = from_words(["https://conda.example.org/=file:///srv/lab/"])
    source = choose(project, "x", None, asked=Asked(installer=GIVEN, settings=settings))
    assert isinstance(source, Upstream)
    assert source.given == GIVEN
    assert source.channel_url("lab") == "file:///srv/lab/lab"
    assert (
        source.canonical("file:///srv/lab/lab/noarch/x.conda")
        == "https://conda.example.org/lab/noarch/x.conda"
    )


def test_files_are_read_only_when_a_url_is_asked_for(project: Project) -> None:
    (project.root / "imgbuild.yml").write_text("nonsense: true\n")
    source = choose(project, "x", None)
    assert source.id.label == "upstream"
    with pytest.raises(DefinitionError):
        source.channel_url("conda-forge")


@pytest.mark.parametrize("named", ["option", "variable", "image"])
def test_an_installer_beside_a_kit_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    if named == "variable":
        monkeypatch.setenv("IMGBUILD_KIT", "/some/kit")
    label = f"kit:{'0' * 64}" if named == "image" else None
    with pytest.raises(UsageError, match="has an installer of its own") as caught:
        choose(
            project,
            "x",
            "/some/kit" if named == "option" else None,
            label=label,
            asked=Asked(installer=GIVEN),
        )
    assert "--kit none" in caught.value.fix
