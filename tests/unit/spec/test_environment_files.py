# ruff: noqa: E501  (printed problems stand as they are printed)
"""environment.yml: what other tools take is taken, what cannot be honoured is said with its place."""

from __future__ import annotations

import json

import pytest

from builder.errors import DefinitionError
from builder.spec.load import check, load_image
from builder.spec.merged import merged_environment_yaml
from builder.spec.model import CondaEnvironment
from builder.spec.piplines import pip_name
from builder.spec.requirements import conda_name, spec_channel
from tests.unit.spec.conftest import MakeProject


def printed(make_project: MakeProject, text: str, image: str = "") -> list[str]:
    project = make_project({"x/environment.yml": text, "x/image.yml": image})
    return [str(problem).removeprefix("envs/x/environment.yml:") for problem in check(project)]


def loaded(make_project: MakeProject, text: str, image: str = "") -> CondaEnvironment:
    project = make_project({"x/environment.yml": text, "x/image.yml": image})
    return load_image(project, "x").environments[0]


SPECS = [
    "python",
    "python=3.12",
    "python 3.12",
    "numpy>=1.26,<3",
    "numpy >=1.26, <3",
    "numpy==1.26.4",
    "numpy~=1.26",
    "numpy!=1.26.1",
    "numpy=1.26=py311_0",
    "numpy 1.26 py311_0",
    "pytorch=2.13.*=cuda129*",
    "pytorch>=2,<3|>=4",
    "conda-forge::numpy",
    "conda-forge/linux-64::numpy=1.26",
    "https://conda.anaconda.org/conda-forge::numpy",
    "numpy[version='>=1.26,<2']",
    "numpy[version='>=1.26', build=\"*openblas*\", channel=conda-forge]",
    "_libgcc_mutex",
    "__glibc>=2.28",
    "r-base=4.4",
    "libstdcxx-ng",
]


@pytest.mark.parametrize("spec", SPECS)
def test_match_specs_are_kept_as_written(make_project: MakeProject, spec: str) -> None:
    assert loaded(make_project, f"name: x\ndependencies: [{json.dumps(spec)}]").conda == (spec,)


@pytest.mark.parametrize(
    "spec",
    [
        *(
            "numpy>=",
            "numpy=",
            "numpy>=1,",
            "numpy,1",
            "numpy[",
            "numpy[foo=1]",
            "numpy[version='>=1' x]",
            "-c foo",
        ),
        *(
            "$(x)",
            "`x`",
            "numpy; rm",
            "numpy\nfoo",
            "numpy\x00",
            "'numpy'",
            "numpy&&x",
            "{{ numpy }}",
            "../numpy",
            "",
        ),
        *("https://h/linux-64/numpy-1.conda", "file:///x/numpy-1.tar.bz2", "./numpy.conda", "x" * 501, "*"),
        *(
            "bad channel::numpy",
            "file:///x::numpy",
            "../x::numpy",
            "https://u:p@h/c::numpy",
            "numpy[channel='/x']",
        ),
        *("numpy==1.0 \\", 'numpy="1"', "numpy @ https://x/y.whl", "numpy<>", "=1.2", "numpy #x", "numpy\t1"),
    ],
)
def test_hostile_match_specs(make_project: MakeProject, spec: str) -> None:
    (found,) = printed(make_project, f"name: x\ndependencies: [python, {json.dumps(spec)}]")
    assert found.startswith("2:24: dependencies[1]: ")
    assert ";" in found


@pytest.mark.parametrize(
    "line",
    [
        "torch==2.14.1",
        "transformers",
        "a[b,c]>=1",
        "a ; python_version < '3.12'",
        "a>=1,<2; sys_platform == 'linux'",
    ],
)
def test_pip_lines_are_kept_as_written(make_project: MakeProject, line: str) -> None:
    text = f"name: x\ndependencies: [python, {{pip: [{json.dumps(line)}]}}]"
    assert loaded(make_project, text).pip == (line,)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("-r requirements.txt", "`requirements.txt` is not there; make it in x/, or mend the name"),
        ("-r ../x.txt", "is not there"),
        ("-r https://user:secret@h/r.txt", "`-r` of a URL cannot be honoured; keep a copy of the file here"),
        (
            "--index-url=https://user:secret@h/simple",
            "the pip option `--index-url` cannot be honoured; leave it out: an index is a setting",
        ),
        (
            "--extra-index-url https://user:secret@h/simple",
            "the pip option `--extra-index-url` cannot be honoured",
        ),
        ("-i https://user:secret@h/simple", "the pip option `-i` cannot be honoured"),
        (
            "--no-binary :all:",
            "the pip option `--no-binary` cannot be honoured; leave it out: nothing is compiled",
        ),
        (
            "--pre",
            "the pip option `--pre` cannot be honoured; name the pre-release itself, as `name==2.0rc1`",
        ),
        ("--what secret", "the pip option `--what` cannot be honoured; leave it out, and name packages only"),
        ("-e .", "the pip option `-e` cannot be honoured; take the code along with `files:` in image.yml"),
        ("-e./a", "the pip option `-e` cannot be honoured"),
        ("git+https://h/r.git", "a version control URL cannot be honoured"),
        ("a @ git+https://user:secret@h/r.git", "a version control URL cannot be honoured"),
        ("https://h/a-1.whl", "a URL cannot be honoured; name the package, as `name==1.2`"),
        (
            "https://h/whl/cu118/torch-2.1.0%2Bcu118-cp311-cp311-linux_x86_64.whl",
            "a URL cannot be honoured; ask an index for it: `torch==2.1.0+cu118`",
        ),
        ("file:///x", "a URL cannot be honoured"),
        ("a @ https://h/a-1.whl", "a URL after `@` cannot be honoured"),
        (
            "scikit-learn @ file:///home/conda/feedstock_root/build_artifacts/x/work",
            "a URL after `@` cannot be honoured; it lies on another machine: name its version, as `scikit-learn==1.2`",
        ),
        ("a@file:///x", "a URL after `@` cannot be honoured"),
        ("./a", "a path cannot be honoured; take the code along with `files:` in image.yml"),
        ("../a", "a path cannot be honoured"),
        ("/a", "a path cannot be honoured"),
        (".", "a path cannot be honoured"),
        (".[dev]", "a path cannot be honoured"),
        ("~/a", "a path cannot be honoured"),
        ("a-1.0-py3-none-any.whl", "a file cannot be honoured; ask an index for it: `a==1.0`"),
        ("a==1 --hash=sha256:00", "the option `--hash` of a requirement cannot be honoured"),
        ("a b", "is not a pip requirement"),
        ("$(x)", "is not a pip requirement"),
        ("{{ a }}", "is not a pip requirement"),
        ("a\nb", "holds a line break"),
        ("a\x00", "holds the control character U+0000"),
        ("", "is not a pip requirement"),
    ],
)
def test_hostile_pip_lines(make_project: MakeProject, line: str, what: str) -> None:
    (found,) = printed(make_project, f"name: x\ndependencies:\n - python\n - pip:\n   - {json.dumps(line)}\n")
    assert found.startswith("5:6: dependencies[1].pip[0]: ")
    assert "secret" not in found
    assert what in found


@pytest.mark.parametrize(
    "channel",
    [
        *(
            "$(x)",
            "../x",
            "/srv/channel",
            "file:///srv/channel",
            "local",
            "a b",
            "a\nb",
            "-c",
            "https://h/a b",
            "ftp://h",
        ),
        *(
            "https://user:pw@h/c",
            "https://h/t/tk-123/c",
            "https://h/$(x)",
            "https://h/a?b=c",
            "https://h/../c",
            "{{ c }}",
        ),
    ],
)
def test_hostile_channels(make_project: MakeProject, channel: str) -> None:
    (found,) = printed(make_project, f"name: x\nchannels: [{json.dumps(channel)}]\ndependencies: [python]\n")
    assert found.startswith("2:12: channels[0]: ")
    assert "pw" not in found
    assert "tk-123" not in found


@pytest.mark.parametrize(
    ("written", "channels"),
    [
        ("", ("conda-forge",)),
        ("channels:", ("conda-forge",)),
        ("channels: []", ("conda-forge",)),
        ("channels: [nodefaults]", ("conda-forge",)),
        ("channels: [bioconda, conda-forge, nodefaults]", ("bioconda", "conda-forge")),
        ("channels: [b, a, b]", ("b", "a")),
        ("channels: ['https://h.example:8443/c/']", ("https://h.example:8443/c/",)),
        ("channels: [conda-forge/label/rc]", ("conda-forge/label/rc",)),
    ],
)
def test_channels(make_project: MakeProject, written: str, channels: tuple[str, ...]) -> None:
    assert loaded(make_project, f"name: x\n{written}\ndependencies: [python]\n").channels == channels


@pytest.mark.parametrize(
    "text",
    [
        "channels: [defaults]\ndependencies: [python]",
        "channels: [pkgs/main]\ndependencies: [python]",
        "channels: ['https://repo.anaconda.com/pkgs/r']\ndependencies: [python]",
        "dependencies: ['defaults::python']",
        "dependencies: ['pkgs/main::python']",
        "dependencies: [\"python[channel='defaults']\"]",
    ],
)
def test_anaconda_terms(make_project: MakeProject, text: str) -> None:
    (found,) = printed(make_project, text)
    assert found.endswith("; use conda-forge, or write `accept_anaconda_terms: true` in image.yml")
    assert printed(make_project, text, "accept_anaconda_terms: true") == []


WARNED = """\
name: other
prefix: /home/me/x
dependancies: [a]
platforms: [linux-64]
description: |
  several
  lines
dependencies: [python, scikit_learn, {pip: [Scikit.Learn]}]
variables: {A: 1, B: yes, C: text, D: "it's"}
"""


def test_what_is_only_a_warning(make_project: MakeProject) -> None:
    assert printed(make_project, WARNED) == [
        "1:7: warning: name: the environment is called `x` in the image; write `name: x`, or remove it",
        "2:1: warning: prefix: has no effect; remove it: the image has its own place for environments",
        "3:1: warning: dependancies: is not known and has no effect; did you mean `dependencies`?",
        "4:1: warning: platforms: has no effect; say `platforms:` in image.yml",
        "5:1: warning: description: is not known and has no effect; known here: channels, dependencies, name, variables",
        "8:45: warning: dependencies[2].pip[0]: `scikit-learn` is asked of conda and of pip; keep one of them",
        '9:16: warning: variables.A: is taken as the text `1`; put it in quotes: "1"',
        '9:22: warning: variables.B: is taken as the text `yes`; put it in quotes: "yes"',
        (
            "9:39: warning: variables.D: `conda activate` cannot set a value with an apostrophe (it does not quote it), "
            "the image's ENV can; leave it out, or write it as `env:` in image.yml"
        ),
    ]
    assert loaded(make_project, WARNED).variables == {"A": "1", "B": "yes", "C": "text", "D": "it's"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "dependencies: [python, {pip: [a]}, {pip: [b]}]",
            ["1:36: dependencies[2]: is a second pip section; move its lines into the first"],
        ),
        (
            "dependencies: [python, {numpy: 1}]",
            ["1:25: dependencies[1].numpy: unknown key; known here: pip"],
        ),
        (
            "dependencies: [python, 3.10]",
            ['1:24: dependencies[1]: `3.10` is read as a number; put it in quotes: "3.10"'],
        ),
        ("dependencies: python", ["1:15: dependencies: is text, not a list; write it as `[python]`"]),
        ("name: x", ["1:1: dependencies: the environment has no packages; name at least `python`"]),
        (
            "dependencies: [python]\nvariables: {PATH: /x, 'A B': c, D: \"a\\nb\"}",
            [
                "2:13: variables.PATH: `PATH` is set by the image itself; remove it",
                "2:23: variables.A B: `A B` cannot name a variable; use letters, digits and `_`",
                "2:36: variables.D: holds a line break; write it in one line (`>-` folds lines)",
            ],
        ),
    ],
)
def test_problems_as_printed(make_project: MakeProject, text: str, found: list[str]) -> None:
    assert printed(make_project, text) == found


@pytest.mark.parametrize("spec", ["https://user:pw@h/c::numpy", "https://h/t/tk-123/c::numpy"])
def test_messages_repeat_no_secrets(make_project: MakeProject, spec: str) -> None:
    (found,) = printed(make_project, f"dependencies: ['{spec}']")
    assert found == (
        "1:16: dependencies[0]: holds a token or a password; keep it out of the file, in your conda credentials"
    )


def test_no_environment_file(make_project: MakeProject) -> None:
    project = make_project({"x/image.yml": "summary: x"})
    with pytest.raises(
        DefinitionError, match=r"envs/x: has no environment\.yml; write one, or `extends:` another"
    ):
        load_image(project, "x")


def test_a_yaml_ending_is_pointed_out(make_project: MakeProject) -> None:
    project = make_project({"x/environment.yml": "dependencies: [python]", "x/image.yaml": "base: nonsense"})
    assert [str(problem) for problem in check(project)] == [
        "envs/x/image.yaml: warning: is not read; call it image.yml"
    ]


def test_merged_yaml_is_read_back_as_the_same_environment(make_project: MakeProject) -> None:
    text = (
        "name: x\nchannels: [bioconda, conda-forge]\ndependencies: [python=3.10, 'numpy>=1', {pip: ['a[b]>=1; "
        "python_version<\"3.12\"']}]\nvariables: {A: 'no', B: \"a $(x) {{ y }} # z\", C: '3.10'}\n"
    )
    first = loaded(make_project, text)
    merged = merged_environment_yaml(first)
    assert loaded(make_project, merged) == first
    assert "nodefaults" in merged
    assert printed(make_project, merged) == []


@pytest.mark.parametrize(("spec", "name"), [(spec, None) for spec in SPECS[:2]] + [("c::NumPy>=1", "numpy")])
def test_conda_names(spec: str, name: str | None) -> None:
    assert conda_name(spec) == (name or "python")


def test_pip_names_and_channels() -> None:
    assert pip_name("Scikit_Learn[x]>=1") == "scikit-learn"
    assert spec_channel("conda-forge/linux-64::a") == "conda-forge"
    assert spec_channel("a[version='1', channel=\"x\"]") == "x"
    assert spec_channel("a") == ""
