"""`--for GPU`: the variant that declares it, else one that the tables say covers it, else each one's reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import LockError, UsageError
from builder.progress import Event, Note
from builder.spec.project import Project
from builder.workflow.variants import choose_variant

IMAGE = """\
platforms: [linux/amd64]
cuda: "13.0"
targets: {gpus: [t4, h100]}
variants:
  old: {cuda: "12.6", environment: environment.old.yml, targets: {gpus: [p100, t4, "9.0"]}}
  plain: {cuda: none, environment: environment.plain.yml, targets: {gpus: []}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "envs/tune"
    folder.mkdir(parents=True)
    (folder / "image.yml").write_text(IMAGE)
    for name, pip in (("", "torch==2.9.1+cu130"), (".old", "torch==2.9.1+cu126"), (".plain", "numpy")):
        text = f"channels: [conda-forge]\ndependencies:\n- python=3.12\n- pip:\n  - {pip}\n"
        (folder / f"environment{name}.yml").write_text(text)
    return Project(tmp_path, folder.parent)


@pytest.mark.parametrize(
    ("gpu", "ref"),
    [
        ("t4", "tune"),
        ("Tesla P100-PCIE-16GB", "tune@old"),
        ("h100", "tune"),
        ("h200", "tune@old"),
        ("7.5", "tune"),
    ],
)
def test_declared(project: Project, gpu: str, ref: str) -> None:
    """The plain image first; a declared capability means every GPU of it."""
    notes: list[Event] = []
    assert choose_variant(project, "tune", gpu, notes.append) == ref
    assert notes == []


@pytest.mark.parametrize(("gpu", "ref"), [("b200", "tune"), ("a100", "tune"), ("v100", "tune@old")])
def test_covered(project: Project, gpu: str, ref: str) -> None:
    notes: list[Event] = []
    assert choose_variant(project, "tune", gpu, notes.append) == ref
    (note,) = notes
    assert isinstance(note, Note)
    assert f"no variant of tune declares {gpu}; {ref} covers it: " in note.text


def test_none_covers_it(project: Project) -> None:
    with pytest.raises(LockError) as caught:
        choose_variant(project, "tune", "k80")
    assert caught.value.what == "no variant of tune is known to run on k80 (Tesla K80, 3.7)"
    first, second, third = caught.value.detail.splitlines()
    assert first.startswith("tune: no: k80 (Tesla K80, 3.7) cannot run CUDA 13.0")
    assert second.startswith("tune@old: no: k80 (Tesla K80, 3.7) cannot run CUDA 12.6")
    assert third == "tune@plain: no: nothing for CUDA is declared or locked in it"


def test_a_variant_that_is_named_is_the_only_one(project: Project) -> None:
    notes: list[Event] = []
    assert choose_variant(project, "tune@old", "h100", notes.append) == "tune@old"
    assert notes == []
    assert choose_variant(project, "tune@old", "v100", notes.append) == "tune@old"
    (note,) = notes
    assert isinstance(note, Note)
    assert note.text.startswith("tune@old does not declare v100, and tune@old covers it: ")
    with pytest.raises(LockError, match="tune@old is not known to run on b200") as caught:
        choose_variant(project, "tune@old", "b200")
    assert len(caught.value.detail.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "gpu", "said"),
    [
        ("tune", "h1000", "or h100"),
        ("tunes", "h100", "tune"),
    ],
)
def test_wrong_words(project: Project, name: str, gpu: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose_variant(project, name, gpu)
    assert said in str(caught.value)
