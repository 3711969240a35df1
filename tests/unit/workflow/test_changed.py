"""Which line of which file made a lock stale: in the image's own files, its parent's, its variant's."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.lock.inputs import digest_of_lines, input_lines
from builder.lock.model import EnvironmentLock, LockedBase, LockedInstaller, LockSet, SourceId
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import Project
from builder.store.upstream import Upstream
from builder.workflow.changed import stale_lines
from builder.workflow.checking import check_locks
from tests.support.lock_samples import conda_package

PARENT = """\
channels: [conda-forge]
dependencies:
  - python=3.11
  - numpy>=1
  - scipy
"""
CHILD = """\
dependencies:
  - pandas
  - pip:
      - tabulate
variables:
  MODE: fast
"""
IMAGE = """\
extends: parent
cuda: "12.6"
platforms: [linux/amd64, linux/arm64]
"""


ROW = """\
debian-bookworm:
  ref: lab.example.org/debian:12
  family: debian
  suite: bookworm
  glibc: "2.36"
  platforms: [linux/amd64, linux/arm64]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write(tmp_path, "parent/environment.yml", PARENT)
    write(tmp_path, "child/environment.yml", CHILD)
    write(tmp_path, "child/image.yml", IMAGE)
    return Project(tmp_path, tmp_path / "envs")


def write(root: Path, name: str, text: str) -> None:
    path = root / "envs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def made_for(spec: ImageSpec) -> LockSet:
    """A lock of what the definition asks for now, without solving it."""
    environments = []
    for one in spec.environments:
        lines = input_lines(one, spec, "linux/amd64")
        environments.append(
            EnvironmentLock(
                name=one.name,
                channels=("https://conda.anaconda.org/conda-forge",),
                conda=(conda_package(),),
                variables=one.variables,
                input_digest=digest_of_lines(lines),
                inputs=lines,
            )
        )
    source = Upstream()
    base = LockedBase(key=spec.base.key, ref=spec.base.ref, glibc=spec.base.glibc)
    installer: LockedInstaller = source.installer(spec, "linux/amd64")
    return LockSet(
        image=spec.ref,
        platform="linux/amd64",
        source=SourceId(),
        base=base,
        installer=installer,
        environments=tuple(environments),
    )


def lines(project: Project, before: LockSet, ref: str = "child") -> list[str]:
    return [str(line) for line in stale_lines(project, load_image(project, ref), before, Upstream())]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("child/environment.yml", "  - pandas", "  - pandas>=2",
         "envs/child/environment.yml:2: +pandas>=2 (the lock was made for pandas)"),
        ("child/environment.yml", "  - pandas\n", "",
         "envs/child/environment.yml:1: -pandas (the lock was made with it)"),
        ("child/environment.yml", "  - pandas", "  - polars\n  - pandas",
         "envs/child/environment.yml:2: +polars (the lock was made without it)"),
        ("child/environment.yml", "- tabulate", "- tabulate>=1",
         "envs/child/environment.yml:4: +pip: tabulate>=1 (the lock was made for pip: tabulate)"),
        ("child/environment.yml", "MODE: fast", "MODE: slow",
         "envs/child/environment.yml:6: +variable: MODE=slow (the lock was made for variable: MODE=fast)"),
        ("child/environment.yml", "dependencies:", "channels: [bioconda, conda-forge]\ndependencies:",
         "envs/child/environment.yml:1: +channels: bioconda, conda-forge (the lock was made for channels: conda"),
        ("parent/environment.yml", "numpy>=1", "numpy>=2",
         "envs/parent/environment.yml:4: +numpy>=2 (the lock was made for numpy>=1)"),
        ("parent/environment.yml", "[conda-forge]", "[bioconda]",
         "envs/parent/environment.yml:1: +channels: bioconda (the lock was made for channels: conda-forge)"),
        ("child/image.yml", '"12.6"', '"13.0"',
         "envs/child/image.yml:2: +cuda: 13.0 (the lock was made for cuda: 12.6)"),
        ("child/image.yml", "extends: parent", "extends: parent\nbase: ubuntu-noble",
         "envs/child/image.yml:2: the base is ubuntu-noble now, and was debian-bookworm"),
        ("child/image.yml", "extends: parent", "extends: parent\ninstaller: miniforge=26.3.2-3",
         "envs/child/image.yml:2: the installer is miniforge=26.3.2-3 now"),
        ("child/image.yml", "[linux/amd64, linux/arm64]", "[linux/arm64]",
         "envs/child/image.yml:3: linux/amd64 is no longer among the image's platforms"),
        ("_bases.yml", "", ROW,
         "envs/_bases.yml:1: the base debian-bookworm is lab.example.org/debian:12 now"),
    ],
)  # fmt: skip
def test_one_change_is_one_line_with_its_place(
    project: Project, file: str, old: str, new: str, said: str
) -> None:
    before = made_for(load_image(project, "child"))
    assert lines(project, before) == []
    path = project.envs / file
    text = path.read_text() if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else new)
    (line,) = lines(project, before)
    assert line.startswith(said)


def test_all_changes_are_told_in_the_order_of_the_places(project: Project) -> None:
    before = made_for(load_image(project, "child"))
    write(project.root, "child/environment.yml", CHILD.replace("pandas", "pandas=2").replace("fast", "slow"))
    write(project.root, "parent/environment.yml", PARENT.replace("scipy", "scipy>=1"))
    write(project.root, "child/image.yml", IMAGE.replace("12.6", "13.0"))
    places = [line.split(": ")[0] for line in lines(project, before)]
    assert places == [
        "envs/child/environment.yml:2",
        "envs/child/environment.yml:6",
        "envs/child/image.yml:2",
        "envs/parent/environment.yml:5",
    ]


def test_a_package_that_goes_to_the_other_manager_is_one_change(project: Project) -> None:
    before = made_for(load_image(project, "child"))
    write(
        project.root,
        "child/environment.yml",
        CHILD.replace("- pandas", "- tabulate").replace("- pip:\n      - tabulate\n", "- pandas\n"),
    )
    assert lines(project, before) == [
        "envs/child/environment.yml:2: +tabulate (the lock was made for pip: tabulate)"
    ]


def test_a_variant_s_own_file(project: Project) -> None:
    write(
        project.root,
        "child/image.yml",
        IMAGE + "variants:\n  old:\n    environment: old.yml\n    cuda: '11.8'\n",
    )
    write(project.root, "child/old.yml", "dependencies:\n  - python=3.11\n")
    before = made_for(load_image(project, "child@old"))
    write(project.root, "child/old.yml", "dependencies:\n  # why\n  - python=3.12\n")
    write(project.root, "child/environment.yml", "dependencies: [numpy]\n")
    assert lines(project, before, "child@old") == [
        "envs/child/old.yml:3: +python=3.12 (the lock was made for python=3.11)"
    ]


def test_environments_that_come(project: Project) -> None:
    before = made_for(load_image(project, "child"))
    write(project.root, "child/image.yml", IMAGE + "environments: [tools]\n")
    write(project.root, "child/environment.tools.yml", "dependencies: [git]\n")
    assert lines(project, before) == ["envs/child/image.yml:4: the environment tools was added"]


def test_every_lock_is_told_and_not_only_the_first_that_is_missing(project: Project) -> None:
    specs = [load_image(project, ref) for ref in ("parent", "child")]
    (project.envs / "parent" / "imgbuild.lock.json").write_text("{")
    rows = check_locks(project, [(spec, spec.platforms) for spec in specs], Upstream())
    assert [(row.image, row.platform, row.status) for row in rows] == [
        ("parent", "linux/amd64", "unusable"),
        ("child", "linux/amd64", "missing"),
        ("child", "linux/arm64", "missing"),
    ]
    assert "imgbuild lock parent" in str(rows[0])
