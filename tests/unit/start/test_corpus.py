# ruff: noqa: E501  (printed problems stand as they are printed)
"""environment.yml in the styles people use: each is taken, or refused with line and column; all of it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.errors import DefinitionError
from builder.spec.load import check, load_image
from builder.spec.project import Project
from builder.start.model import Wish
from builder.start.read import read_given
from builder.workflow.init import Ask, Made, init

CORPUS = Path(__file__).parent / "corpus"

TAKEN: dict[str, list[str]] = {
    "builds": ["26:1: prefix: is left out: the image has its own place for environments"],
    "cuda-old": [],
    "r": ['13:12: variables.THREADS: is taken as the text `4`; put it in quotes: "4"'],
    "duplicates": [
        "10:9: dependencies[5].pip[0]: `scikit-learn` is asked of conda and of pip; keep one of them",
        "11:9: dependencies[5].pip[1]: `numpy` is asked of conda and of pip; keep one of them",
    ],
    "windows": ["8:1: prefix: is left out: the image has its own place for environments"],
    "powershell": [],
    "selectors": [
        "4:1: counts for nothing: its selector holds on no Linux",
        "6:1: counts for nothing: its selector holds on no Linux",
        "8:12: platforms: osx-arm64, win-64 is left out: images are for Linux",
    ],
    "flow": [
        "is written anew, without its comments",
        "1:116: prefix: is left out: the image has its own place for environments",
    ],
}
INDEX = "leave it out: an index is a setting (`wheel_index:` in imgbuild.yml, or `--wheel-index URL` of lock)"
CODE = "take the code along with `files:` in image.yml, and name the packages that it needs in lines of their own"
VCS = "name a released version of it, or take its code along with `files:`"
REFUSED: dict[str, list[str]] = {
    "defaults": [
        "4:5: channels[1]: Anaconda's terms of service govern `defaults`; take another with --channel conda-forge, or accept them with --accept-anaconda-terms",
        "9:5: dependencies[3]: Anaconda's terms of service govern `defaults`; take another with --channel conda-forge, or accept them with --accept-anaconda-terms",
        f"12:7: dependencies[4].pip[1]: the pip option `-e` cannot be honoured; {CODE}",
        f"13:7: dependencies[4].pip[2]: the pip option `-e` cannot be honoured; {CODE}",
    ],
    "tabs": ["3:1: is not YAML: while scanning for the next token, found character that cannot start any token; indent with spaces, not with tabs"],
    "windows-builds": [
        "8:9: prefix: was exported on Windows with builds, and Linux has others; export it with `conda env export --from-history`, or with `--no-builds`"
    ],
    "options": [
        f"7:7: dependencies[1].pip[0]: the pip option `--extra-index-url` cannot be honoured; {INDEX}",
        f"9:7: dependencies[1].pip[2]: the pip option `--find-links` cannot be honoured; {INDEX}",
        f"11:7: dependencies[1].pip[4]: a version control URL cannot be honoured; {VCS}",
        f"12:7: dependencies[1].pip[5]: a path cannot be honoured; {CODE}",
        "14:7: dependencies[1].pip[7]: the pip option `--pre` cannot be honoured; name the pre-release itself, as `name==2.0rc1`",
        "15:7: dependencies[1].pip[8]: a URL cannot be honoured; ask an index for it: `thing==1.0`",
    ],
    "number": [
        "2:11: channels: is text, not a list; write it as `[conda-forge]`",
        "5:5: dependencies[1]: `numpy>=` has an operator without a version; write it as `name=1.2` or `name>=1.2,<2`",
        '6:5: dependencies[2]: `3.10` is read as a number; put it in quotes: "3.10"',
        "8:3: variables.PATH: `PATH` is set by the image itself; remove it",
    ],
    "jinja": [
        '3:5: dependencies[0]: `python={{ environ.get("PY", "3.11") }}` is not a conda match spec; write it as `name`, `name=1.2` or `name>=1.2,<2`'
    ],
    "token": [
        "2:5: channels[0]: holds a token or a password; keep it out of the file, in your conda credentials",
        "3:5: channels[1]: holds a token or a password; keep it out of the file, in your conda credentials",
    ],
    "anchors": [
        "6:5: dependencies[1]: `*common` is an alias, which is not read here; write the value out",
    ],
    "empty": ["names no conda package; name at least `python`"],
    "second-pip": ["5:5: dependencies[2]: is a second pip section; move its lines into the first"],
}  # fmt: skip


def made(tmp_path: Path, style: str, *, leave_out: bool = False, wish: Wish | None = None) -> Made:
    path = CORPUS / f"{style}.yml"
    ask = Ask("mine", read_given(path, "x.yml"), wish=wish or Wish(), leave_out=leave_out)
    return init(Project(tmp_path, tmp_path / "envs"), ask)


def test_every_style_is_here_once() -> None:
    assert sorted([*TAKEN, *REFUSED]) == sorted(path.stem for path in CORPUS.iterdir())


@pytest.mark.parametrize("style", TAKEN)
def test_what_is_taken(tmp_path: Path, style: str) -> None:
    done = made(tmp_path, style)
    assert [str(one).removeprefix("x.yml:").replace(" warning:", "", 1).strip() for one in done.notes] == [
        one.strip() for one in TAKEN[style]
    ]
    project = Project(tmp_path, tmp_path / "envs")
    assert not [one for one in check(project) if not one.warning]
    spec = load_image(project, "mine")
    (draft,) = done.drafts
    environment = spec.environments[0]
    assert sorted(environment.conda) == sorted(draft.conda)
    assert sorted(environment.pip) == sorted(draft.pip)
    assert environment.variables == draft.variables
    assert environment.channels == (draft.channels or ("conda-forge",))


@pytest.mark.parametrize("style", REFUSED)
def test_what_is_refused(tmp_path: Path, style: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        made(tmp_path, style)
    assert [str(one).removeprefix("x.yml:").strip() for one in caught.value.problems] == REFUSED[style]
    assert list(tmp_path.iterdir()) == []


def test_a_file_stays_as_it_was_written(tmp_path: Path) -> None:
    made(tmp_path, "cuda-old")
    was = (CORPUS / "cuda-old.yml").read_text()
    assert (tmp_path / "envs/mine/environment.yml").read_text() == was.replace("stylegan3", "mine", 1)


def test_line_ends_and_marks_of_windows_go(tmp_path: Path) -> None:
    made(tmp_path, "windows")
    text = (tmp_path / "envs/mine/environment.yml").read_bytes()
    assert text == (
        b"name: mine\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - pip:\n    - tabulate\n"
    )


def test_platforms_go_to_the_image(tmp_path: Path) -> None:
    text = "dependencies: [python]\nplatforms: [linux-64, linux-aarch64]\n"
    (tmp_path / "x.yml").write_text(text)
    done = init(Project(tmp_path, tmp_path / "envs"), Ask("mine", read_given(tmp_path / "x.yml", "x.yml")))
    assert done.files["image.yml"] == "platforms: [linux/amd64, linux/arm64]\n"
    assert load_image(Project(tmp_path, tmp_path / "envs"), "mine").platforms == (
        "linux/amd64",
        "linux/arm64",
    )


@pytest.mark.parametrize(
    ("style", "left", "pip"),
    [
        ("options", [7, 9, 11, 12, 14, 15], ("torch==2.0.1+cu118", "torch-scatter")),
        ("defaults", [4, 9, 12, 13], ("albumentations==0.4.3",)),
    ],
)
def test_what_can_be_left_out(tmp_path: Path, style: str, left: list[int], pip: tuple[str, ...]) -> None:
    done = made(tmp_path, style, leave_out=True)
    assert [one.line for one in done.left] == left
    assert load_image(Project(tmp_path, tmp_path / "envs"), "mine").environments[0].pip == pip


def test_what_an_included_file_cannot_have_is_told_beside_the_rest_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("dependencies:\n  - python\n  - pip:\n    - -e .\n    - -r r.txt\n")
    (tmp_path / "r.txt").write_text("a\n--pre\nb\n")
    ask = Ask("mine", read_given(tmp_path / "x.yml", "x.yml"))
    project = Project(tmp_path, tmp_path / "envs")
    with pytest.raises(DefinitionError) as caught:
        init(project, ask)
    assert [(one.file, one.line) for one in caught.value.problems] == [("r.txt", 2), ("x.yml", 4)]
    done = init(project, replace(ask, leave_out=True))
    assert [(one.file, one.line) for one in done.left] == [("r.txt", 2), ("x.yml", 4)]
    assert load_image(project, "mine").environments[0].pip == ("a", "b")


@pytest.mark.parametrize("style", ["tabs", "empty", "windows-builds"])
def test_what_cannot_be_left_out_is_refused_all_the_same(tmp_path: Path, style: str) -> None:
    with pytest.raises(DefinitionError):
        made(tmp_path, style, leave_out=True)
    assert list(tmp_path.iterdir()) == []


def test_terms_and_channels(tmp_path: Path) -> None:
    done = made(tmp_path, "defaults", leave_out=True, wish=Wish(accept_anaconda_terms=True))
    assert done.files["image.yml"] == "accept_anaconda_terms: true\n"
    assert done.drafts[0].channels == ("pytorch", "defaults")
    other = made(tmp_path / "other", "cuda-old", wish=Wish(channels=("conda-forge", "bioconda")))
    assert "channels: [conda-forge, bioconda, nodefaults]\n" in other.files["environment.yml"]
    assert other.drafts[0].channels == ("conda-forge", "bioconda")
