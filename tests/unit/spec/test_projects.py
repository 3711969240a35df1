"""Where definitions are found, the shipped ones, the bases, the schema, and what a start costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from builder.data import installers
from builder.data.installers import find_installer, newest, newest_for, rows, versions
from builder.errors import UsageError
from builder.shipped import shipped_dir
from builder.spec.bases import load_bases
from builder.spec.load import check, load_all, load_image
from builder.spec.project import Project, find_project
from builder.spec.schema import schema_text
from builder.store.upstream import Upstream
from tests.unit.spec.conftest import MakeProject

REPO = Path(__file__).resolve().parents[3]


def test_envs_is_found_upwards(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project({"x/environment.yml": "dependencies: [python]", "x/deep/er/f": ""})
    assert find_project(tmp_path / "envs/x/deep/er") == project
    assert find_project(tmp_path) == project


def test_the_working_directory_is_the_default(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project({"_bases.yml": ""})
    monkeypatch.chdir(tmp_path)
    assert find_project() == project


def test_the_envs_of_a_conda_installation_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "envs/python312/bin").mkdir(parents=True)
    assert find_project(tmp_path).envs == shipped_dir("envs")


def test_a_start_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        find_project(tmp_path / "nothing")


def test_names_leave_out_what_is_no_definition(make_project: MakeProject) -> None:
    project = make_project(
        {
            "b/environment.yml": "",
            "a/image.yml": "",
            "_x/image.yml": "",
            ".y/image.yml": "",
            "c/other": "",
            "d": "",
        }
    )
    assert project.names() == ["a", "b"]


def test_the_shipped_environments_have_no_problem() -> None:
    project = Project(REPO, REPO / "envs")
    assert check(project) == []
    shipped = {spec.ref: spec for spec in load_all(project)}
    assert list(shipped) == [
        "ci-runner",
        "finetune-cpu",
        "finetune-cuda",
        "finetune-cuda@cu126",
        "regression",
        "report",
        "tensorflow-cuda",
    ]
    runner, regression, report = (shipped[name] for name in ("ci-runner", "regression", "report"))
    assert shipped["finetune-cuda"].lineage == ("finetune-cpu", "regression")
    assert (shipped["finetune-cpu"].cuda, shipped["finetune-cuda"].cuda) == (None, "13.0")
    assert (runner.name, runner.apt[:3]) == ("ci-runner", ("ca-certificates", "curl", "g++"))
    assert (regression.name, report.name, report.lineage) == ("regression", "report", ("regression",))
    assert regression.environments[0].conda == (
        "python>=3.11",
        "numpy",
        "pandas",
        "scikit-learn",
        "matplotlib",
    )
    assert report.environments[0].pip == ("tabulate>=0.9",)
    assert [test.name for test in report.smoke] == ["regression", "report"]


def test_a_project_adds_to_the_shipped_bases_and_replaces_them(make_project: MakeProject) -> None:
    row = '{ref: "h.example:5000/team/b:1", family: debian, suite: bookworm, glibc: "2.36", platforms: [linux/amd64]}'
    project = make_project(
        {
            "_bases.yml": f"mine: {row}\ndebian-bookworm: {row}",
            "x/environment.yml": "dependencies: [python]",
            "y/environment.yml": "dependencies: [python]",
            "y/image.yml": "base: ubuntu-noble",
        }
    )
    bases, problems = load_bases(project)
    assert problems == []
    assert sorted(bases) == ["debian-bookworm", "debian-trixie", "mine", "ubuntu-jammy", "ubuntu-noble"]
    assert load_image(project, "x").base.ref == "h.example:5000/team/b:1"
    assert load_image(project, "y").base.glibc == "2.39"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "ref",
            "debian",
            "_bases.yml:1:10: b.ref: `debian` is not an image reference with a tag or a digest",
        ),
        ("ref", "'h/b:1\"\\nRUN x'", '_bases.yml:1:10: b.ref: `h/b:1"\\nRUN x` is not an image reference'),
        ("ref", "$(x):1", "`$(x):1` is not an image reference"),
        ("ref", "../x:1", "`../x:1` is not an image reference"),
        ("family", "alpine", "`alpine` is not known here; known here: debian, ubuntu"),
        ("suite", "'book/../worm'", "is not a suite"),
        ("glibc", "2.36", '`2.36` is read as a number; put it in quotes: "2.36"'),
        ("platforms", "[linux/amd46]", "`linux/amd46` is not known here; did you mean `linux/amd64`"),
        ("platforms", "[]", "is an empty list; name at least one"),
    ],
)
def test_hostile_bases(make_project: MakeProject, key: str, value: str, message: str) -> None:
    row = {"ref": "h/b:1", "family": "debian", "suite": "a", "glibc": "'2.36'", "platforms": "[linux/amd64]"}
    written = ", ".join(f"{name}: {text}" for name, text in (row | {key: value}).items())
    _, (problem,) = load_bases(make_project({"_bases.yml": f"b: {{{written}}}"}))
    assert message in str(problem)


def test_the_committed_schema_is_not_stale() -> None:
    committed = (REPO / "schema/image.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), (
        "write it again: python -m builder.spec.schema > schema/image.schema.json"
    )
    assert json.loads(committed)["additionalProperties"] is False


def test_a_start_imports_nothing_heavy() -> None:
    code = (
        "import sys; from builder.spec.load import load_all; from builder.spec.project import find_project;"
        "load_all(find_project());"
        "print([name for name in ('docker', 'rattler', 'rich', 'requests', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_installers() -> None:
    assert newest("miniconda") == "26.5.3-1"
    assert newest("miniforge") == "26.3.2-3"
    url, sha256 = find_installer("miniconda", "26.5.3-1", None, "linux/amd64")
    assert url.endswith("/Miniconda3-py314_26.5.3-1-Linux-x86_64.sh")
    assert sha256 == "42cfece170da342364a78d629e06b94dfd81b0f2717d7655729100d888d606b4"
    assert "py312" in find_installer("miniconda", "26.5.3-1", "3.12", "linux/arm64").url
    assert find_installer("miniforge", "26.3.2-3", "3.11", "linux/arm64").url.endswith("Linux-aarch64.sh")


def test_images_that_name_no_installer_take_the_first_of_the_table(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more version in the table is all that an update takes; a line in image.yml holds on to another."""
    plain = "dependencies: [python]"
    held = "installer: miniconda=26.5.3-1\n"
    files = {"free/environment.yml": plain, "held/environment.yml": plain, "held/image.yml": held}
    project = make_project(files)
    new = {"version": "27.1.0-0", "url": "https://example.org/new.sh", "sha256": "a" * 64, "arch": "x86_64"}
    added = rows()[0]._replace(**new)
    known = (added, *rows())
    monkeypatch.setattr(installers, "rows", lambda: known)
    versions.cache_clear()
    try:
        found = {name: load_image(project, name) for name in ("free", "held")}
        asked = {name: one.installer.version for name, one in found.items() if one.installer}
        assert asked == {"free": "27.1.0-0", "held": "26.5.3-1"}
        assert Upstream().installer(found["free"], "linux/amd64").sha256 == "a" * 64
        assert "26.5.3-1" in Upstream().installer(found["held"], "linux/amd64").url
        assert newest_for("miniconda", "linux/amd64") == "27.1.0-0"
        assert newest_for("miniconda", "linux/arm64") != "27.1.0-0"
    finally:
        versions.cache_clear()


def test_every_installer_row_is_whole() -> None:
    for row in rows():
        assert len(row.sha256) == 64
        assert int(row.sha256, 16)
        assert row.url.startswith(("https://repo.anaconda.com/miniconda/", "https://github.com/conda-forge/"))
        assert row.version in row.url
        assert row.source
    assert len({row.url for row in rows()}) == len(rows())
    assert versions("miniconda")[0] > versions("miniconda")[-1]


@pytest.mark.parametrize(
    ("version", "python", "message"),
    [
        ("26.5.3-2", None, "miniconda has no version '26.5.3-2'; did you mean 26.5.3-1"),
        ("26.5.3-1", "3.7", "has no installer with Python 3.7; has: 3.14, 3.13, 3.12, 3.11, 3.10"),
        ("nonsense", None, "did you mean 26.5.3-1?"),
    ],
)
def test_unknown_installers(version: str, python: str | None, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_installer("miniconda", version, python, "linux/amd64")
    assert message in str(caught.value)
