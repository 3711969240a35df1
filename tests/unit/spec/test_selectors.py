"""Platform selectors and included requirements files: honoured, or refused with their place."""

from __future__ import annotations

import pytest

from builder.errors import DefinitionError
from builder.spec.load import check, load_image
from builder.spec.model import CondaEnvironment
from builder.spec.origins import origins
from builder.spec.selectors import filter_lines, holds_on
from tests.unit.spec.conftest import MakeProject

BOTH = frozenset({"linux/amd64", "linux/arm64"})
AMD64 = frozenset({"linux/amd64"})
ARM64 = frozenset({"linux/arm64"})


def loaded(make_project: MakeProject, text: str, image: str = "") -> CondaEnvironment:
    return load_image(make_project({"x/environment.yml": text, "x/image.yml": image}), "x").environments[0]


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("linux", BOTH),
        ("unix", BOTH),
        ("linux64", AMD64),
        ("x86_64", AMD64),
        ("aarch64", ARM64),
        ("linux and aarch64", ARM64),
        ("linux and not aarch64", AMD64),
        ("not win", BOTH),
        ("not (win or osx)", BOTH),
        ("win", frozenset()),
        ("osx64", frozenset()),
        ("arm64", frozenset()),  # conda-build's name of Apple's machines
        ("win or osx or linux64", AMD64),
        ("linux64 or win and osx", AMD64),
        ("py39", None),
        ("linux or", None),
        ("(linux", None),
        ("linux)", None),
        ("or", None),
        ("linux osx", None),
        ("todo: later", None),
        ("", None),
    ],
)
def test_expressions(said: str, holds: frozenset[str] | None) -> None:
    assert holds_on(said) == holds


def test_lines_keep_their_places() -> None:
    found = filter_lines(
        "a: 1\r\nb: 2  # [win]\r\n# [win]\r\nc: 3  # [aarch64]\r\nd: 4  # [see the docs]\r\n"
    )
    assert found.text == "a: 1\r\n\r\n# [win]\r\nc: 3  # [aarch64]\r\nd: 4  # [see the docs]\r\n"
    assert found.dropped == (2,)
    assert found.only == {4: "linux/arm64"}


SELECTED = """\
channels: [conda-forge]
dependencies:
  - python
  - pywin32  # [win]
  - libaio   # [linux]
  - sel(osx): appnope
  - sel(linux): ptyprocess
  - sel(unix): pexpect
  - pip:
      - uvloop  # [not win]
      - colorama  # [win]
"""


def test_both_kinds_are_honoured(make_project: MakeProject) -> None:
    found = loaded(make_project, SELECTED)
    assert found.conda == ("python", "libaio", "ptyprocess", "pexpect")
    assert found.pip == ("uvloop",)


def test_places_hold_behind_what_was_taken_out(make_project: MakeProject) -> None:
    text = SELECTED.replace("uvloop", "-e .")
    with pytest.raises(DefinitionError) as caught:
        loaded(make_project, text)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (10, 9, "dependencies[4].pip[0]")


ONE = """\
dependencies:
  - python
  - mkl  # [linux64]
  - openblas  # [aarch64]
  - pip:
      - bitsandbytes  # [x86_64]
"""


def test_one_architecture_is_honoured_for_an_image_of_one(make_project: MakeProject) -> None:
    assert loaded(make_project, ONE).conda == ("python", "mkl")
    assert loaded(make_project, ONE).pip == ("bitsandbytes",)
    assert loaded(make_project, ONE, "platforms: [linux/arm64]").conda == ("python", "openblas")
    assert loaded(make_project, ONE, "platforms: [linux/arm64]").pip == ()


def test_one_architecture_is_refused_for_an_image_of_both(make_project: MakeProject) -> None:
    project = make_project({"x/environment.yml": ONE, "x/image.yml": "platforms: [linux/amd64, linux/arm64]"})
    assert [str(problem) for problem in check(project)] == [
        f"envs/x/environment.yml:{place}: `{line}` is for {one} alone, and the image for linux/amd64 and linux/arm64; "
        "name one of them in `platforms:` of image.yml, or use a variant"
        for place, line, one in (
            ("3:5: dependencies[1]", "mkl", "linux/amd64"),
            ("4:5: dependencies[2]", "openblas", "linux/arm64"),
            ("6:9: dependencies[3].pip[0]", "bitsandbytes", "linux/amd64"),
        )
    ]


def test_a_line_for_each_architecture_is_a_line_for_both(make_project: MakeProject) -> None:
    text = "dependencies:\n - python\n - a  # [linux64]\n - a  # [aarch64]\n"
    found = loaded(make_project, text, "platforms: [linux/amd64, linux/arm64]")
    assert set(found.conda) == {"python", "a"}


def test_only_packages_can_be_for_one_architecture(make_project: MakeProject) -> None:
    project = make_project(
        {"x/environment.yml": "dependencies:\n - python\nvariables:\n  A: b  # [aarch64]\n"}
    )
    assert [str(problem) for problem in check(project)] == [
        (
            "envs/x/environment.yml:4:1: a selector for one architecture is honoured for packages only; "
            "remove it, or use a variant"
        )
    ]


INCLUDING = (
    "dependencies:\n  - python\n  - pip:\n      - a\n      - -r requirements.txt\n      - -c limits.txt\n"
)


def test_included_files_are_read_with_limits(make_project: MakeProject) -> None:
    project = make_project(
        {
            "x/environment.yml": INCLUDING,
            "x/requirements.txt": "# ours\nb[x]>=1  # why\n-r more/deep.txt\nc; python_version < '3.12'\n",
            "x/more/deep.txt": "--only-binary :all:\nd \\\n  >=1\n-r ../requirements.txt\n",
            "x/limits.txt": "a<2\nd<3\nc<9 ; python_version < '3.12'\n",
        }
    )
    spec = load_image(project, "x")
    found = spec.environments[0]
    assert found.pip == ("a<2", "b[x]>=1", "d<3,>=1", 'c<9; python_version < "3.12"')
    places = origins(spec, found)
    assert places.of_pip("b[x]>=1").shown(spec.folder) == "requirements.txt:2"
    assert [str(problem) for problem in check(project)] == [
        "envs/x/more/deep.txt:1:1: warning: is left out; nothing to do: wheels are all that is taken"
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"x/requirements.txt": "a\n-e .\n"},
            "envs/x/requirements.txt:2:1: the pip option `-e` cannot be honoured; ",
        ),
        (
            {"x/requirements.txt": "a ${TOKEN}\n"},
            "envs/x/requirements.txt:1:1: takes `${...}` from the environment; ",
        ),
        ({"x/requirements.txt": b"a\n\xff\n"}, "envs/x/requirements.txt:2:1: is not UTF-8; save it as UTF-8"),
        (
            {"x/requirements.txt": "-r ../../y.txt\n"},
            "envs/x/requirements.txt:1:1: `../../y.txt` ",
        ),
        (
            {"x/limits.txt": "z<1\ny<2\n"},
            "envs/x/limits.txt:1:1: limits packages that nothing asks for by name: y, z",
        ),
    ],
)
def test_faults_of_included_files(
    make_project: MakeProject, files: dict[str, str | bytes], said: str
) -> None:
    project = make_project(
        {"x/environment.yml": INCLUDING, "x/requirements.txt": "b\n", "x/limits.txt": "a<2\n", **files}
    )
    (problem,) = check(project)
    assert str(problem).startswith(said)


def test_a_list_as_powershell_writes_it(make_project: MakeProject) -> None:
    project = make_project(
        {
            "x/environment.yml": "dependencies: [python, {pip: ['-r requirements.txt']}]",
            "x/requirements.txt": "torch==2.1.0\r\nnumpy\r\n".encode("utf-16"),
        }
    )
    assert load_image(project, "x").environments[0].pip == ("torch==2.1.0", "numpy")
