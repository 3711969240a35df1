# ruff: noqa: E501  (printed problems stand as they are printed)
"""Requirements, explicit lists, exports, conda-lock and pixi: what each becomes, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import DefinitionError, UsageError
from builder.start.kind import kind_of
from builder.start.model import Found, Given, Kind, Wish
from builder.start.read import read_found, read_given
from tests.support.workshop import REPOSITORY

LOCK = REPOSITORY / "tests/contract/lock/golden/conda-lock.yml"
URL = "https://conda.anaconda.org/conda-forge"
MD5 = "0123456789abcdef0123456789abcdef"


def found(
    text: str, *, kind: Kind | None = None, wish: Wish | None = None, path: Path | None = None
) -> Found:
    return read_found(Given(path or Path("/nowhere/x"), "x", text), kind, "mine", wish or Wish())


def said(of: Found) -> list[str]:
    return [str(one) for one in sorted(of.problems)]


def noted(of: Found) -> list[str]:
    return [str(one).replace(" warning:", "", 1) for one in sorted(of.notes)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("numpy\n", "requirements"),
        ("", "requirements"),
        ("a==1 ; python_version > '3'\n-r b\n", "requirements"),
        ("name: x\ndependencies:\n- a\n", "environment"),
        ("dependencies: [a]", "environment"),
        ("# platform: linux-64\n@EXPLICIT\nhttps://x\n", "explicit"),
        ("# platform: linux-64\nnumpy=1.0=py_0\nzlib=1=0\n", "list"),
        ("version: 1\nmetadata: {}\npackage: []\n", "conda-lock"),
        ("[workspace]\nname = 'x'\n", "pixi"),
        ("[project]\ndependencies = []\n", "pixi"),
    ],
)
def test_the_kind_is_found_by_content(text: str, kind: Kind) -> None:
    assert kind_of(text, "x") == kind


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("# packages in environment at /x:\n#\nnumpy 1.0 py_0\n", "is a table of `conda list`"),
        ("version: 6\nenvironments: {}\npackages: []\n", "is pixi.lock"),
        ('version = 1\nrequires-python = ">=3.10"\n\n[[package]]\nname = "a"\n', "is a lock of uv"),
        ('[[source]]\nurl = "x"\n\n[packages]\na = "*"\n', "is a Pipfile"),
        ('[[package]]\nname = "a"\n\n[metadata]\nlock-version = "2.0"\n', "is a lock of Poetry"),
        ('lock-version = "1.0"\n', "is a pylock.toml"),
        ('{"a": 1}', "is JSON"),
        ("FROM debian\n", "is a Dockerfile"),
        ("from setuptools import setup\nsetup(name='x')\n", "is a setup.py"),
    ],
)
def test_other_files_are_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        kind_of(text, "x")
    assert caught.value.fix


def test_requirements_with_all_they_include(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "r.txt").write_text(
        "# head\nnumpy>=1.2,<3\nb[x] ; python_version >= '3.8'  # why\n-r deep/more.txt\n-c limits.txt\n"
        "python==3.9.*\nc==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb[x] ; python_version >= '3.8'\n"
    )
    (tmp_path / "deep/more.txt").write_text("-r ../r.txt\nd\n")
    (tmp_path / "limits.txt").write_text("numpy<2.5\n")
    read = read_found(read_given(tmp_path / "r.txt", "r.txt"), None, "mine", Wish())
    (draft,) = read.drafts
    assert said(read) == []
    assert draft.conda == ("python==3.9.*", "pip")
    assert draft.pip == ("numpy<2.5,<3,>=1.2", "b[x] ; python_version >= '3.8'", "d", "c==1.0")
    assert noted(read) == [
        "r.txt:6:1: `python` is no package of an index: conda brings it",
        "r.txt:7:1: its hashes are not carried over; nothing to do: the lock holds the sha256 of every wheel",
    ]


def test_requirements_without_a_python() -> None:
    read = found("numpy\n")
    assert read.drafts[0].conda == ("python", "pip")
    assert noted(read) == [
        "x: names no version of Python: the newest that its channel has is taken; say which with --python 3.12"
    ]
    assert found("numpy\n", wish=Wish(python="3.12")).drafts[0].conda == ("python=3.12", "pip")


def test_what_requirements_cannot_have_is_refused_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("a\n  -e ./pkg\n")
    (tmp_path / "r.txt").write_text(
        "-r more.txt\n-r gone.txt\ntorch @ https://u:secret@h/torch.zip\n a b\n\x0c\n"
    )
    read = read_found(read_given(tmp_path / "r.txt", "r.txt"), None, "mine", Wish())
    lines = said(read)
    assert [line.split(": ")[0] for line in lines] == ["more.txt:2:3", "r.txt:2:1", "r.txt:3:1", "r.txt:4:2"]
    assert "secret" not in "".join(lines)


EXPLICIT = f"""\
# This file may be used to create an environment using:
# $ conda create --name <env> --file <this file>
# platform: linux-64
@EXPLICIT
{URL}/linux-64/python-3.12.1-hab00c5b_1_cpython.conda#{MD5}
{URL}/noarch/tzdata-2024a-h0c530f3_0.tar.bz2
https://conda.anaconda.org/bioconda/linux-64/star-2.7.11a-h0033a41_0.tar.bz2#{"0" * 64}
"""


def test_an_explicit_list() -> None:
    read = found(EXPLICIT)
    assert said(read) == []
    assert read.platforms == ("linux/amd64",)
    assert read.drafts[0].channels == ("conda-forge", "bioconda")
    assert read.drafts[0].conda == (
        "python=3.12.1=hab00c5b_1_cpython",
        "tzdata=2024a=h0c530f3_0",
        "bioconda::star=2.7.11a=h0033a41_0",
    )
    assert found(EXPLICIT.replace("linux-64", "linux-aarch64")).platforms == ("linux/arm64",)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"{URL}/osx-64/a-1-0.conda", "x:2:1: `a` is for osx-64, and images are for Linux; "),
        ("/home/me/a-1-0.conda", "x:2:1: the channel `/home` is a directory of one machine; "),
        ("file:///c/linux-64/a-1-0.conda", "x:2:1: the channel `file:///c` is a directory of one machine; "),
        ("https://h/t/tk-secret/c/linux-64/a-1-0.conda", "x:2:1: the channel holds a token or a password; "),
        (f"{URL}/linux-64/a.conda", "x:2:1: is not the URL of a conda package; "),
        ("numpy=1.2", "x:2:1: is not the URL of a conda package; "),
        (f"{URL}/linux-64/a-1-0.conda#12", "x:2:1: has no md5 or sha256 behind `#`; "),
        ("# platform: win-64", "x:2:1: was made on win-64, and Linux has other packages; "),
        (
            "https://repo.anaconda.com/pkgs/main/noarch/a-1-0.conda",
            "x:2:1: Anaconda's terms of service govern `pkgs/main`; ",
        ),
    ],
)
def test_what_an_explicit_list_cannot_hold(line: str, what: str) -> None:
    (problem,) = said(found(f"@EXPLICIT\n{line}\n{URL}/noarch/b-1-0.conda\n"))
    assert problem.startswith(what)
    assert "secret" not in problem


def test_an_export() -> None:
    read = found("# platform: linux-64\nnumpy=1.26=py_0\nrequests=2.31.0=pypi_0\nodd=a/b=pypi_0\n")
    assert read.drafts[0].conda == ("numpy=1.26=py_0",)
    assert read.drafts[0].pip == ("requests==2.31.0",)
    assert read.platforms == ("linux/amd64",)
    assert said(read) == [
        "x:4:1: `odd==a/b` is not a pip requirement; write it as `name`, `name==1.2` or `name[extra]>=1`"
    ]
    (problem,) = said(found("# platform: osx-arm64\nnumpy=1.26=py_0\n"))
    assert problem.startswith("x:1:1: was made on osx-arm64")


def test_a_lock() -> None:
    read = found(LOCK.read_text(encoding="utf-8"))
    assert said(read) == []
    (draft,) = read.drafts
    assert "numpy=1.26.4=py311h64a7726_0" in draft.conda
    assert "epoch=1!2.0=0" in draft.conda
    assert draft.pip == ("odd==1.0+local.1", "tabulate==0.10.0")
    other = found(LOCK.read_text(encoding="utf-8"), wish=Wish(platform="linux/arm64"))
    assert other.platforms == ("linux/arm64",)
    assert [line.split(":")[1] for line in noted(read)] == [" linux-aarch64 is left out"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("version: 2\nmetadata: {}\npackage: []\n", "x:1:1: is version `2` of conda-lock's format"),
        ("version: 1\nmetadata: {}\npackage: []\n", "x: has no packages for linux-64 or linux-aarch64"),
        ("version: 1\nmetadata: &a {}\npackage: [*a]\n", "x:3:1: `*a` is an alias"),
        ("version: 1\nmetadata: {}\npackage: [{\n", "x:4:1: is not YAML"),
        ("version: 1\nmetadata: {}\npackage: " + "[" * 99, "x: is nested far deeper than a lock"),
        (
            "version: 1\nmetadata: {}\npackage:\n- {name: a, version: 1, manager: npm, platform: linux-64}\n",
            "x:4:1: `a` 1 is of no manager that is known",
        ),
        (
            (
                "version: 1\nmetadata: {}\npackage:\n"
                "- {name: a, version: 1, manager: pip, platform: linux-64, url: 'git+https://h/r'}\n"
            ),
            "x:4:1: `a` is not from an index",
        ),
    ],
)
def test_what_a_lock_cannot_be(text: str, what: str) -> None:
    assert said(found(text, kind="conda-lock"))[0].startswith(what)


PIXI = """\
[workspace]
name = "demo"
channels = ["conda-forge", {channel = "pytorch", priority = -1}]
platforms = ["linux-64", "linux-aarch64", "win-64"]

[dependencies]
python = "3.11.*"
numpy = { version = ">=1.26,<2", channel = "conda-forge" }
zlib = "1.2.13"
mkl = { version = "*", build = "h*" }

[target.linux.dependencies]
libaio = "=0.3"

[target.win.dependencies]
pywin32 = "*"

[pypi-dependencies]
requests = { version = ">=2", extras = ["socks"] }
six = "1.16.0"
any = "*"

[activation.env]
HF_HOME = "/cache"

[feature.test.dependencies]
pytest = "*"

[feature.broken.dependencies]
mine = { path = "." }

[feature.gpu.system-requirements]
cuda = "12"

[environments]
test = ["test"]
gpu = { features = ["gpu"], solve-group = "x" }
lint = { features = ["test"], no-default-feature = true }
"""


def test_a_pixi_manifest() -> None:
    read = found(PIXI)
    assert said(read) == []
    assert [draft.name for draft in read.drafts] == ["", "test", "gpu", "lint"]
    main, test, _, lint = read.drafts
    assert main.channels == ("conda-forge", "pytorch")
    assert main.conda == (
        "python 3.11.*",
        "conda-forge::numpy>=1.26,<2",
        "zlib 1.2.13",
        "mkl[build='h*']",
        "libaio=0.3",
    )
    assert main.pip == ("requests[socks]>=2", "six==1.16.0", "any")
    assert main.variables == {"HF_HOME": "/cache"}
    assert test.conda == (*main.conda, "pytest")
    assert lint.conda == ("pytest",)
    assert read.cuda == "12.0"
    assert read.platforms == ("linux/amd64", "linux/arm64")


def test_one_environment_of_a_pixi_manifest() -> None:
    read = found(PIXI, wish=Wish(environment="lint", platform="linux/arm64", python="3.12"))
    assert [draft.conda for draft in read.drafts] == [("python=3.12", "pytest")]
    assert (read.cuda, read.platforms) == ("", ("linux/arm64",))


def test_pyproject_with_and_without_pixi() -> None:
    plain = '[project]\nname = "x"\nrequires-python = ">=3.10"\ndependencies = ["numpy>=1", "b[c]; python_version < \'4\'"]\n'
    read = found(plain + "[build-system]\nrequires = []\n")
    assert read.drafts[0].conda == ("python>=3.10",)
    assert read.drafts[0].pip == ("numpy>=1", "b[c]; python_version < '4'")
    assert noted(read) == [
        "x:1:1: project: the project itself is not installed; take its code along with `files:` in image.yml"
    ]
    both = found(
        plain
        + '[tool.pixi.workspace]\nchannels = ["bioconda"]\nplatforms = ["linux-64"]\n[tool.pixi.dependencies]\nzlib = "*"\n'
    )
    assert both.drafts[0].conda == ("zlib", "python>=3.10")
    assert both.drafts[0].channels == ("bioconda",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[workspace\n", "x:1:"),
        ('[dependencies]\na = { git = "x" }\n', "x:2:1: dependencies.a: a git repository cannot be honoured; "),
        ('[dependencies]\na = { path = "x" }\n', "x:2:1: dependencies.a: a path cannot be honoured; "),
        ('[dependencies]\na = { what = "x" }\n', "x:2:1: dependencies.a: the key `what` is not known; "),
        ("[dependencies]\na = 3\n", "x:2:1: dependencies.a: is no version; "),
        ('[dependencies]\na = ">="\n', "x:2:1: dependencies.a: has an operator without a version; "),
        ('[pypi-dependencies]\na = { index = "https://x" }\n', "x:2:1: pypi-dependencies.a: an index of its own"),
        ('[pypi-dependencies]\na = { path = ".", editable = true }\n', "x:2:1: pypi-dependencies.a: a path"),
        ('[pypi-options]\nindex-url = "https://u:secret@h"\n', "x:1:1: pypi-options: is left out; an index is a setting"),
        ('[workspace]\nchannels = ["defaults"]\n', "x:2:1: workspace.channels: Anaconda's terms of service govern"),
        ('[workspace]\nchannels = ["https://h/t/secret/x"]\n', "x:2:1: workspace.channels: the channel holds a token"),
        ('[workspace]\nplatforms = ["osx-64"]\n', "x:2:1: workspace.platforms: names no platform that an image can have"),
        ('[environments]\na = ["b"]\n', "x:2:1: environments.a: no feature is called `b`; known here: none"),
        ('[activation.env]\nA = "$HOME"\n', "x:2:1: activation.env.A: is no plain variable"),
    ],
)  # fmt: skip
def test_what_pixi_cannot_have(text: str, what: str) -> None:
    problems = said(found(text, kind="pixi"))
    assert problems[0].startswith(what)
    assert "secret" not in "".join(problems)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"numpy\n\xff\n", "x:2:1: is not UTF-8"),
        (b"numpy\nb\x00\n", r"x:2:2: holds the control character U\+0000"),
    ],
)
def test_bytes_that_are_no_text(raw: bytes, what: str) -> None:
    with pytest.raises(DefinitionError, match=what):
        read_given(Path("x"), "x", raw)


def test_files_that_are_none(tmp_path: Path) -> None:
    for path, what in ((tmp_path, "is a directory"), (tmp_path / "gone", "is not a regular file")):
        with pytest.raises(UsageError, match=what):
            read_given(path, "x")
    with pytest.raises(UsageError, match="larger than 20 MB"):
        read_given(tmp_path, "x", b"a" * 20_000_001)
