"""Whatever a reader gets, it ends in drafts or in one-line problems; what it takes reads back as the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import DefinitionError, UsageError
from builder.spec.environment import read_environment
from builder.spec.fault import Fault
from builder.spec.load import check, load_image
from builder.spec.project import Project
from builder.spec.requirements import check_conda
from builder.start.model import KINDS, Draft, Given, Kind, Wish
from builder.start.read import read_found, read_given
from builder.start.text import environment_text
from builder.workflow.init import Ask, init
from tests.support.workshop import REPOSITORY
from tests.unit.start.test_readers import EXPLICIT, LOCK, PIXI

CORPUS = REPOSITORY / "tests/unit/start/corpus"
REQUIREMENTS = (
    "numpy>=1.2 ; python_version < '3.12'\n-r more.txt\n-c x\nb[c]==1.0 --hash=sha256:00\n-e .\n--pre\n"
)
EXPORT = "# platform: linux-64\nnumpy=1.26=py_0\nrequests=2.31.0=pypi_0\n"
SEEDS: dict[Kind, list[str]] = {
    "environment": [path.read_text(encoding="utf-8", errors="replace") for path in sorted(CORPUS.iterdir())],
    "requirements": [REQUIREMENTS],
    "pixi": [PIXI, '[project]\nrequires-python = ">=3.9"\ndependencies = ["a"]\n'],
    "conda-lock": [LOCK.read_text(encoding="utf-8")[:3000]],
    "explicit": [EXPLICIT],
    "list": [EXPORT],
}
WORDS = r"""[ ] { } *a &a # \ ' " :: = - : 3.10 no ~ é ${X} -r -c . @ :// [linux64] sel(linux) << null 0 !!x ? |"""
PIECES = st.sampled_from(
    [*WORDS.split(" "), "\n", "\t", "\r\n", "- ", ": ", "\u2028", "-r x", "-c .", "a" * 600]
)


def survives(text: str, kind: Kind | None) -> None:
    """Readers alone, and then all the way: what passes is a definition without a problem."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given"
        project = Project(Path(folder), Path(folder) / "envs")
        try:
            read = read_given(path, "given", text.encode("utf-8", errors="surrogatepass"))
            made = init(project, Ask("mine", read, kind))
        except (DefinitionError, UsageError) as error:
            told = str(error)
            assert told
            assert all(line.isprintable() for line in told.split("\n"))
            assert not project.envs.exists()
            return
        assert [str(one) for one in check(project) if not one.warning] == []
        spec = load_image(project, "mine")
        for environment, draft in zip(spec.environments, made.drafts, strict=True):
            assert sorted(environment.pip) == sorted(dict.fromkeys(draft.pip))
            assert set(environment.conda) <= set(draft.conda)
            assert environment.variables == dict(draft.variables)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_damaged_files_make_no_traceback(kind: Kind, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SEEDS[kind]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(PIECES) + text[at + cut :]
    survives(text, data.draw(st.sampled_from([kind, None])))


@settings(max_examples=100)
@given(st.text(max_size=120), st.sampled_from([*KINDS, None]))
def test_any_text_makes_no_traceback(text: str, kind: Kind | None) -> None:
    survives(text, kind)


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,10}[a-z0-9]", fullmatch=True).filter(lambda name: name != "base")
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(\.\*)?", fullmatch=True)
SPECS = st.one_of(
    NAMES,
    st.builds("{}={}".format, NAMES, VERSIONS),
    st.builds("{} {}".format, NAMES, VERSIONS),
    st.builds("{}>={},<{}".format, NAMES, VERSIONS.filter(lambda one: "*" not in one), st.just("9999")),
    st.builds(
        "{}={}={}".format,
        NAMES,
        st.just("1.2"),
        st.from_regex(r"py[0-9]{2}h[0-9a-f]{7}_[0-9]", fullmatch=True),
    ),
    st.builds("conda-forge::{}".format, NAMES),
    st.builds("{}[version='>={}', build='*_x']".format, NAMES, VERSIONS.filter(lambda one: "*" not in one)),
)
LINES = st.one_of(
    NAMES,
    st.builds("{}=={}".format, NAMES, VERSIONS),
    st.builds("{}[a,b]>=1; python_version < '3.{}'".format, NAMES, st.integers(8, 20)),
)
VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), max_size=30)
DRAFTS = st.builds(
    Draft,
    channels=st.lists(
        st.sampled_from(["conda-forge", "bioconda", "https://h.example/c", "no"]), unique=True
    ).map(tuple),
    conda=st.lists(SPECS, min_size=1, max_size=6, unique=True).map(tuple),
    pip=st.lists(LINES, max_size=4, unique=True).map(tuple),
    variables=st.dictionaries(st.from_regex(r"X_[A-Z0-9_]{1,8}", fullmatch=True), VALUES, max_size=3),
)


@settings(max_examples=100)
@given(DRAFTS, NAMES)
def test_what_is_written_reads_back_as_the_same(draft: Draft, name: str) -> None:
    text = environment_text(draft, name)
    read = read_environment(Path("/nowhere/environment.yml"), "x", name, text=text)
    assert [str(one) for one in read.problems if not one.warning] == []
    assert read.conda == draft.conda
    assert read.pip == draft.pip
    assert dict(read.variables) == dict(draft.variables)
    assert read.channels == (draft.channels or ("conda-forge",))
    again = read_found(Given(Path("/nowhere/environment.yml"), "x", text), "environment", name, Wish())
    assert again.drafts[0].text == text


@settings(max_examples=300)
@given(st.one_of(SPECS, st.text("abz019.=<>!~*|,[]()' \"^$:_-@/", max_size=30)))
def test_a_spec_that_is_taken_is_one_to_rattler(spec: str) -> None:
    from rattler import MatchSpec

    try:
        check_conda(spec)
    except Fault:
        return
    MatchSpec(spec, strict=False)
