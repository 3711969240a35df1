"""Where the lines of a merged environment stand: in which file of the lineage, line and column."""

from __future__ import annotations

from pathlib import Path

from builder.spec.load import load_image
from builder.spec.origins import origins
from tests.support.lock_samples import conda_environment, image_spec
from tests.unit.spec.conftest import MakeProject

PARENT = """\
channels: [conda-forge]
dependencies:
  - python=3.12
  - numpy
  - numpy
  - pip:
      - rich
      - tabulate==0.8
"""
CHILD = """\
channels:
  - bioconda
  - conda-forge
dependencies:
  - {pip: [Tabulate>=0.9]}
  - python=3.13
"""
FILES = {
    "parent/environment.yml": PARENT,
    "parent/image.yml": 'cuda: "12.6"\nbase: debian-trixie\n',
    "child/environment.yml": CHILD,
    "child/environment.gpu.yml": "dependencies:\n- python=3.13\n- pandas\n",
    "child/environment.tools.yml": "dependencies:\n- ruff\n",
    "child/image.yml": "extends: parent\nenvironments: [tools]\n"
    'variants:\n  gpu: {environment: environment.gpu.yml, cuda: "13.0"}\n',
}


def test_a_line_stands_in_the_youngest_file_that_asks_for_it(make_project: MakeProject) -> None:
    spec = load_image(make_project(FILES), "child")
    found = origins(spec, spec.environments[0])
    assert set(found.conda) >= set(spec.environments[0].conda)
    shown = {line: place.shown(spec.folder) for line, place in (found.conda | found.pip).items()}
    assert shown["python=3.13"] == "environment.yml:6"
    assert shown["numpy"] == "../parent/environment.yml:4"
    assert shown["rich"] == "../parent/environment.yml:7"
    assert shown["Tabulate>=0.9"] == "environment.yml:5"
    assert found.of_pip("Tabulate>=0.9").column == 12
    assert str(found.of_conda("python=3.13")) == f"{spec.folder / 'environment.yml'}:6:5"
    assert {name: place.line for name, place in found.channels.items()} == {"bioconda": 2, "conda-forge": 3}
    assert found.of_image("cuda").shown(spec.folder) == "../parent/image.yml:1"
    assert found.of_image("budget").shown(spec.folder) == "image.yml"


def test_a_variant_s_file_takes_the_place_of_its_image_s(make_project: MakeProject) -> None:
    spec = load_image(make_project(FILES), "child@gpu")
    found = origins(spec, spec.environments[0])
    assert found.of_conda("pandas").shown(spec.folder) == "environment.gpu.yml:3"
    assert found.of_conda("python=3.13").shown(spec.folder) == "environment.gpu.yml:2"
    assert found.of_image("cuda").shown(spec.folder) == "image.yml:4"
    assert set(found.channels) == {"conda-forge"}


def test_a_further_environment_has_its_own_file(make_project: MakeProject) -> None:
    spec = load_image(make_project(FILES), "child")
    found = origins(spec, spec.environments[1])
    assert {line: place.shown(spec.folder) for line, place in found.conda.items()} == {
        "ruff": "environment.tools.yml:2"
    }


def test_files_that_are_gone_have_no_places(make_project: MakeProject) -> None:
    spec = load_image(make_project(FILES), "child")
    (spec.folder / "environment.yml").write_bytes(b"\xff")
    found = origins(spec, spec.environments[0])
    assert found.of_conda("python=3.13").shown(spec.folder) == "environment.yml"
    nowhere = image_spec(conda_environment(), folder=Path("/nowhere/envs/x"))
    assert origins(nowhere, nowhere.environments[0]).conda == {}
