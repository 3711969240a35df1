"""Whatever stands in the files, loading ends in an image or in a DefinitionError of one-line problems."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import DefinitionError
from builder.spec.files import EnvironmentFile, ImageFile
from builder.spec.load import load_all, survey
from builder.spec.project import Project

WORDS = st.sampled_from(
    [
        *(
            "regression",
            "3.10",
            "no",
            "~",
            "../x",
            "a\nb",
            "$(x)",
            "{{ x }}",
            "x.py",
            "&a",
            "*a",
            "<<",
            "pip",
        ),
        *(
            "defaults",
            "linux/amd64",
            "none",
            "conda-forge::a",
            "numpy>=1",
            "-r x",
            "a" * 600,
            "\x00",
            "\ud800",
        ),
        *("é", "=", "@", "app", "\x00", "\ud800"),
    ]
)
SCALARS = st.one_of(
    WORDS, st.text(max_size=8), st.integers(), st.floats(), st.booleans(), st.none(), st.dates()
)
KEYS = st.one_of(
    st.sampled_from(
        [*ImageFile.model_fields, *EnvironmentFile.model_fields, "run", "from", "to", "pip", "cu126"]
    ),
    WORDS,
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)


def survives(image: bytes, environment: bytes, bases: bytes = b"") -> None:
    with tempfile.TemporaryDirectory() as folder:
        envs = Path(folder) / "envs"
        (envs / "x").mkdir(parents=True)
        (envs / "x/image.yml").write_bytes(image)
        (envs / "x/environment.yml").write_bytes(environment)
        (envs / "_bases.yml").write_bytes(bases)
        project = Project(Path(folder), envs)
        try:
            specs = load_all(project)
        except DefinitionError as error:
            said = error.problems
        else:
            assert specs
            assert all(problem.warning for problem in survey(project).problems)
            return
    assert said
    assert [str(problem) for problem in said if not str(problem).isprintable()] == []


def written(tree: object) -> bytes:
    return yaml.dump(tree, allow_unicode=True).encode("utf-8", errors="surrogatepass")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=6), st.dictionaries(KEYS, TREES, max_size=6))
def test_no_tree_makes_a_traceback(image: object, environment: object) -> None:
    survives(written(image), written(environment))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        WORDS, st.dictionaries(st.sampled_from(["ref", "suite", "glibc", "x"]), TREES, max_size=4)
    )
)
def test_no_bases_make_a_traceback(bases: object) -> None:
    survives(b"", b"dependencies: [python]", written(bases))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.text(alphabet="abc:-[]{}&*!|>'\"%@`#,?<= \n\t0.1", max_size=80))
def test_no_bytes_make_a_traceback(raw: bytes, text: str) -> None:
    survives(raw, text.encode())
    survives(text.encode(), raw)
