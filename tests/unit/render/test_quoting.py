"""Whatever a value holds, it arrives as it was written, and the page keeps its shape."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder.errors import ImgbuildError, UsageError
from builder.plan import group_packages
from builder.render import quoting
from builder.render.page import render
from builder.shipped import shipped_dir
from builder.spec.model import CopiedFile, User
from tests.support.dockerfile import array, expand, instructions, pairs
from tests.support.lock_samples import conda_environment, image_spec, lock_set
from tests.support.render_samples import environment_with

TEMPLATES = shipped_dir("dockerfiles")
NASTY = st.one_of(
    st.text(alphabet=st.sampled_from("\"'\\$`{}%#()<>|&;!*?[]~= \tEOFax"), max_size=30).map(
        lambda text: text.replace("\t", "")
    ),
    st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30),
    st.sampled_from(
        ["$(id)", "`id`", "{{ 7 * 7 }}", "{% raw %}", "${PATH}", "\\", '"', "<<EOF", "a' 'b", "# x", "\\\\$x"]
    ),
)


@given(NASTY)
def test_double_quoted(value: str) -> None:
    assert pairs(f"A={quoting.dq(value)} B={quoting.dq(value)}", {"x": "expanded"}) == {
        "A": value,
        "B": value,
    }


@given(NASTY)
def test_shell_words(value: str) -> None:
    assert shlex.split(f"a {quoting.sh(value)} b") == ["a", value, "b"]


@given(st.lists(NASTY))
def test_arrays(values: list[str]) -> None:
    assert array(quoting.array(values)) == values


@given(NASTY)
def test_paths_of_copy(value: str) -> None:
    assert [expand(word, {}) for word in array(quoting.copy_array([value]))] == [value]


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\0", "\x1b[0m", "a\u2028b", "\x85", "\ud800"])
@pytest.mark.parametrize("quote", [quoting.sh, quoting.dq, quoting.comment, quoting.path, quoting.word])
def test_line_ends_and_control_characters_are_refused(quote: object, value: str) -> None:
    with pytest.raises(UsageError):
        quote(value)  # type: ignore[operator]


@pytest.mark.parametrize("value", ["", "a b", "$x", 'a"', "a=b", "x\n"])
def test_words_keys_and_labels_are_plain(value: str) -> None:
    for quote in (quoting.word, quoting.key, quoting.label):
        if quote is quoting.word and value == "a=b":
            continue
        with pytest.raises(UsageError):
            quote(value)


def page(spec, variables=None):  # type: ignore[no-untyped-def]
    environments = [environment_with(one, spec, variables=variables or {}) for one in spec.environments]
    lock = lock_set(spec, environments=tuple(environments))
    return render(spec, lock, group_packages(lock), templates=TEMPLATES)


SHAPE = [name for name, _rest in instructions(page(image_spec(env={"A": "1"})).dockerfile)]


@settings(max_examples=40, deadline=None)
@given(NASTY, NASTY, st.lists(NASTY, max_size=3))
@example('"; RUN id #', "$(id)", ["{{ 7 }}"])
def test_a_whole_page_keeps_its_shape_and_its_values(one: str, two: str, words: list[str]) -> None:
    spec = image_spec(
        summary=one,
        env={"ONE": one, "TWO": two},
        labels={"org.example.one": two},
        cmd=tuple(words),
        entrypoint=(one,),
    )
    found = instructions(page(spec, {"THREE": two}).dockerfile)
    assert [name for name, _rest in found] == SHAPE
    by_name = dict(found)
    env = {"PATH": "/bin"}
    for name, rest in found:
        if name == "ENV":  # ours, then the definition's
            env |= pairs(rest, env)
    assert (env["ONE"], env["TWO"], env["THREE"]) == (one, two, two)
    assert env["PATH"] == "/opt/conda/envs/regression/bin:/opt/conda/condabin:/bin"
    labels = pairs(by_name["LABEL"], env)
    assert labels["org.example.one"] == two
    assert labels.get("org.opencontainers.image.description", "") == one
    assert array(by_name["CMD"]) == words
    assert array(by_name["ENTRYPOINT"])[1:] == [one]


HOSTILE = ["x\nRUN id", "$(id)", "a b", "../x", '"', "'", "{{ 7 }}", "x;id", ""]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_names_do_not_render(value: str) -> None:
    """The definitions refuse them first; here is the last gate."""
    for spec in (
        image_spec(conda_environment(value)),
        image_spec(env={value: "x"}),
        image_spec(labels={value: "x"}) if value != "../x" else image_spec(env={value: "x"}),
    ):
        with pytest.raises(ImgbuildError):
            page(spec)


@pytest.mark.parametrize("value", [value for value in HOSTILE if "\n" not in value])
def test_hostile_paths_stay_in_their_place(value: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("pass")
    spec = image_spec(
        folder=tmp_path, workdir=f"/w/{value}", files=(CopiedFile(source=Path("app.py"), to=f"/to/{value}/"),)
    )
    found = dict(instructions(page(spec).dockerfile))
    assert expand(found["WORKDIR"], {}) == f"/w/{value}"
    source, to = (expand(word, {}) for word in array(found["COPY"]))
    assert (source, to) == ("files/0/", f"/to/{value}/".replace("//", "/"))


def test_a_hostile_user_is_one_word_of_the_shell() -> None:
    script = dict(instructions(page(image_spec(user=User(name="x;id", uid=7))).dockerfile))["RUN"]
    assert "'x;id:*:7:0::/home/x;id:/bin/bash'" in script


def test_a_template_that_forgets_a_filter_does_not_render(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "head.j2").write_text("# {{ summary }}\n")
    spec = image_spec(summary="x")
    lock = lock_set(spec)
    with pytest.raises(UsageError, match="without one of the filters"):
        render(spec, lock, group_packages(lock), templates=[tmp_path, TEMPLATES])


def test_an_undefined_name_does_not_render(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "head.j2").write_text("# {{ sumary | comment }}\n")
    spec = image_spec()
    lock = lock_set(spec)
    with pytest.raises(UsageError, match="sumary"):
        render(spec, lock, group_packages(lock), templates=[tmp_path, TEMPLATES])
