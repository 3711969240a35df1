# ruff: noqa: E501, ISC004  (printed texts stand as they are printed)
"""The parts of an explanation that need neither solver nor resolver."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.lock.explain.asking import Request
from builder.lock.explain.budget import Budget, Spent
from builder.lock.explain.carry import carried
from builder.lock.explain.faults import near_names
from builder.lock.explain.minimal import minimal_conflict
from builder.lock.explain.said import facts_of, shortened
from builder.lock.explain.words import constraint, listed, needed, wrapped
from builder.lock.target import Target
from tests.support.lock_samples import BASE, conda_environment, image_spec

TARGET = Target("3.12.7", "linux/amd64", "2.36")
LINES = [f"line{number}" for number in range(24)]


@given(st.sets(st.sampled_from(LINES), min_size=1, max_size=5))
def test_the_smallest_conflict_is_found(conflict: set[str]) -> None:
    asked: list[tuple[str, ...]] = []

    def holds(lines: Sequence[str]) -> bool:
        asked.append(tuple(lines))
        return not conflict <= set(lines)

    found, proven = minimal_conflict(holds, LINES)
    assert found == [line for line in LINES if line in conflict]
    assert proven
    assert len(asked) <= 2 * len(conflict) * 6  # of the order of members times log2(lines)


@given(st.lists(st.sets(st.sampled_from(LINES), min_size=1, max_size=4), min_size=1, max_size=4))
def test_of_several_conflicts_one_is_found(conflicts: list[set[str]]) -> None:
    def holds(lines: Sequence[str]) -> bool:
        return not any(conflict <= set(lines) for conflict in conflicts)

    found, proven = minimal_conflict(holds, LINES)
    assert proven
    assert set(found) in conflicts
    assert all(holds([line for line in found if line != one]) for one in found)


@given(st.integers(min_value=0, max_value=12))
def test_a_search_that_is_cut_off_returns_lines_that_conflict(tries: int) -> None:
    budget = Budget(tries=tries, clock=lambda: 0.0)

    def holds(lines: Sequence[str]) -> bool:
        budget.spend()
        return not {"line3", "line20"} <= set(lines)

    found, proven = minimal_conflict(holds, LINES)
    assert {"line3", "line20"} <= set(found)
    assert proven is not budget.ran_out
    assert budget.used <= tries


def test_a_budget_ends_by_count_and_by_time() -> None:
    now = [0.0]
    budget = Budget(tries=2, seconds=10.0, clock=lambda: now[0])
    budget.spend()
    now[0] = 11.0
    with pytest.raises(Spent):
        budget.spend()
    assert budget.ran_out
    assert budget.used == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("numpy >=2,<3.0a0", ">=2,<3"),
        ("numpy>=2", ">=2"),
        ("__glibc >=2.39,<3.0.a0", ">=2.39,<3"),
        ("numpy", ""),
        ("numpy *", ""),
        ("python_abi 3.12.* *_cp312", "3.12.* *_cp312"),
        ("numpy 2.4.* *", "2.4.*"),
    ],
)
def test_a_constraint_without_its_name(text: str, said: str) -> None:
    assert constraint(text) == said


def test_what_is_needed_in_words() -> None:
    pythons = ["python >=3.11,<3.12.0a0", "python >=3.9,<3.10.0a0", "python 3.10.*"]
    assert needed("python", pythons) == "python 3.9, 3.10 or 3.11"
    assert needed("python", ["python >=3.9"]) == "python >=3.9"
    assert needed("a", ["a >=1", "a >=2", "a >=3", "a >=4"]) == "a >=1, >=2 or one of 2 other ranges"
    assert needed("a", ["a >=1", "a"]) == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
    assert all(len(line) <= 76 for line in wrapped("word " * 60, 4))


def test_near_names_know_pip_imports_and_spelling() -> None:
    known = ["pytorch", "scikit-learn", "opencv", "numpy", "python-dateutil"]
    assert near_names("torch", known)[0] == "pytorch"
    assert near_names("sklearn", known)[0] == "scikit-learn"
    assert near_names("scikit_learn", known)[0] == "scikit-learn"
    assert near_names("nunpy", known) == ["numpy"]
    assert near_names("dateutil", known)[0] == "python-dateutil"
    assert near_names("qqqqqq", known) == []


SAID = [
    (
        "Because only the following versions of numpy are available: numpy<1.26.0 numpy>=2.0.0 and "
        "tensorflow==2.16.1 depends on numpy>=1.26.0,<2.0.0, we can conclude that tensorflow==2.16.1 cannot be used.",
        ["tensorflow 2.16.1 needs numpy>=1.26.0,<2.0.0"],
    ),
    (
        "Because transformers==4.30.0 depends on one of:\n  tokenizers>=0.11.1,<0.11.3\n  tokenizers>0.11.3,<0.14\n"
        "and you require transformers==4.30, we can conclude that you require one of:\n  tokenizers>=0.11.1,<0.11.3",
        ["transformers 4.30.0 needs tokenizers>=0.11.1,<0.14"],
    ),
    (
        "Because all versions of tool depend on helper<2 and other>=1.0 depends on helper>=2, we can conclude",
        ["every tool needs helper<2", "other 1.0 and newer needs helper>=2"],
    ),
    (
        "hint: You require CPython 3.14 (`cp314`), but we only found wheels for `torch` (v2.0.1) with the following "
        "Python ABI tags: `cp310`, `cp311`",
        ["torch 2.0.1 has wheels for Python 3.10 and 3.11, none for 3.12."],
    ),
    (
        "hint: Wheels are available for `big` (v3.0) on the following platforms: `manylinux_2_39_x86_64`, "
        "`manylinux_2_39_aarch64`, `win_amd64`",
        [
            "big 3.0 has wheels for glibc 2.39 and newer (manylinux_2_39_x86_64, manylinux_2_39_aarch64 and "
            "win_amd64); the base has glibc 2.36."
        ],
    ),
    (
        "hint: Wheels are available for `arm` (v3.0) on the following platform: `manylinux_2_39_aarch64`",
        ["arm 3.0 has wheels for manylinux_2_39_aarch64, none for linux/amd64."],
    ),
    (
        "Because all versions of docopt have no usable wheels and you require docopt, we can conclude",
        [
            "docopt has no wheel that Python 3.12.7 on linux/amd64 can use, and an image takes wheels only: "
            "nothing is compiled while it is locked or built."
        ],
    ),
    ("Because there is no version of helper==9 and you require helper==9", ["There is no helper==9 where wheels are looked for."]),
    ("Because only helper<=2.1 is available and you require helper>9", ["helper 2.1 and older is all there is of it where wheels are looked for."]),
]  # fmt: skip


@pytest.mark.parametrize(("said", "sentences"), SAID)
def test_what_uv_says_becomes_facts(said: str, sentences: list[str]) -> None:
    assert list(facts_of(said).sentences(TARGET)) == sentences


def test_words_without_facts_are_kept_as_sentences() -> None:
    said = "No solution found when resolving dependencies Because of a reason. And because of another. hint: do it"
    assert not facts_of(said).explains
    assert shortened(said) == ["Because of a reason.", "And because of another.", "hint: do it"]


@given(st.text(max_size=300))
def test_no_text_is_too_odd_for_facts(said: str) -> None:
    assert isinstance(list(facts_of(said).sentences(TARGET)), list)
    assert isinstance(shortened(said), list)


def test_a_change_found_in_a_part_is_made_in_the_whole() -> None:
    whole = Request(conda_environment(conda=("a", "b>=2", "c"), pip=("x", "y==1")), image_spec())
    alone = whole.with_lines(("a", "b>=2"))
    newer = BASE.model_copy(update={"key": "other"})
    mended = alone.with_lines(("a", "b>=1", "d")).with_pip(("x",)).with_image(cuda="13.0", base=newer)
    made = carried(alone, mended, whole)
    assert made.lines == ("a", "b>=1", "c", "d")
    assert made.environment.pip == ("x",)
    assert made.spec.cuda == "13.0"
    assert made.spec.base.key == "other"
    assert made.environment.channels == whole.environment.channels
    assert carried(whole, whole.with_channels(("z",)), whole).environment.channels == ("z",)
