"""What changed, as people read it."""

from __future__ import annotations

import re

import pytest

from builder.lock.compare import LockDiff, compare
from builder.report.changes import changes_table, first_time, signed, summary, told
from tests.support.lock_samples import LOCKED_BASE, conda_package, image_spec, lock_set, pip_package, sha

LOCK = lock_set(image_spec())


def diff(**changes: object) -> LockDiff:
    """From the sample lock to one whose first environment holds something else."""
    base = changes.pop("base", LOCK.base)
    held = LOCK.environments[0].model_copy(update=changes)
    return compare(LOCK, LOCK.model_copy(update={"environments": (held,), "base": base}))


def table(found: LockDiff, width: int = 1000, *, color: bool = False) -> list[str]:
    return changes_table(found, color=color, width=width).splitlines()


def test_every_kind_of_change_in_columns() -> None:
    found = diff(
        base=LOCKED_BASE.model_copy(update={"ref": f"docker.io/library/debian@sha256:{sha('newer')}"}),
        conda=(
            conda_package("zlib", "1.3", "h2_0", depends=()),
            conda_package("python", "3.12.1", size=3_000_000),
            conda_package("new", "1.0"),
        ),
        pip=(pip_package(version="0.9.0", size=1000),),
        inputs=(*LOCK.environments[0].inputs[:-1], "conda python=3.12"),
    )
    assert summary(found) == (
        "1 added, 1 removed, 1 upgraded, 1 downgraded, 1 rebuilt, base changed, 2 lines of what is asked, "
        "+3 MB to fetch"
    )
    debian = "docker.io/library/debian@sha256:"
    assert [re.split(r"  +", line) for line in table(found)] == [
        ["CHANGE", "WHAT", "FROM", "OLD", "NEW", "TO FETCH"],
        ["changed", "base", f"{debian}{sha('base')[:12]}", f"{debian}{sha('newer')[:12]}"],
        ["asked", "+conda python=3.12"],
        ["asked", "-conda python=3.11"],
        ["added", "new", "conda", "1.0", "+1 kB"],
        ["removed", "tzdata", "conda", "2024a", "-1 kB"],
        ["upgraded", "python", "conda", "3.11.2", "3.12.1", "+3 MB"],
        ["downgraded", "tabulate", "pip", "0.10.0", "0.9.0", "-39 kB"],
        ["rebuilt", "zlib", "conda", "1.3 h1_0", "1.3 h2_0", "0 B"],
    ]


def test_a_narrow_terminal_folds_and_shortens_nothing() -> None:
    found = diff(
        conda=(*LOCK.environments[0].conda, conda_package("a-package-with-a-long-name", "2026.11.25.1"))
    )
    lines = table(found, 50)
    assert max(map(len, lines)) <= 50
    start = lines[0].index("WHAT"), lines[0].index("FROM")
    assert "".join(line[slice(*start)].strip() for line in lines[1:]) == "a-package-with-a-long-name"


def test_colour_only_where_it_is_asked_for() -> None:
    found = diff(pip=())
    assert "\x1b" not in "".join(table(found))
    assert table(found, color=True)[0].startswith("\x1b[1m")


def test_nothing_changed() -> None:
    assert summary(diff()) == "no differences"
    assert table(diff()) == []


def test_a_lock_that_is_new_and_one_that_is_gone() -> None:
    assert first_time(compare(None, LOCK)) == "new, 43 kB to fetch"
    assert summary(compare(None, LOCK)) == "only the new side has it, 43 kB to fetch"
    assert summary(compare(LOCK, None)) == "only the old side has it, 43 kB to fetch"


def test_sizes_that_nobody_told_are_said() -> None:
    found = diff(pip=(pip_package("other", "1.0", size=None),))
    assert summary(found).endswith("-40 kB to fetch without 1 of unknown size")
    assert any(line.endswith("?") for line in table(found))


def test_with_several_environments_their_names_stand_there() -> None:
    spec = image_spec(*(image_spec().environments[0].model_copy(update={"name": one}) for one in ("a", "b")))
    before = lock_set(spec)
    after = before.model_copy(
        update={"environments": tuple(one.model_copy(update={"pip": ()}) for one in before.environments)}
    )
    assert [line.split()[2:4] for line in table(compare(before, after))[1:]] == [
        ["pip", "(a)"],
        ["pip", "(b)"],
    ]


def test_what_is_the_same_file_from_elsewhere_or_with_other_words() -> None:
    held = LOCK.environments[0].conda
    moved = held[1].model_copy(update={"url": "https://x.example.org/linux-64/python-3.11.2-0.conda"})
    assert "https://x.example.org/linux-64/" in table(diff(conda=(held[0], moved, held[2])))[1]
    amended = held[1].model_copy(update={"depends": ()})
    assert table(diff(conda=(held[0], amended, held[2])))[1].split() == [
        "amended", "python", "conda", "3.11.2", "0", "3.11.2", "0", "0", "B",
    ]  # fmt: skip
    other = held[1].model_copy(update={"sha256": sha("x")})
    assert f"3.11.2 sha256:{sha('x')[:12]}" in table(diff(conda=(held[0], other, held[2])))[1]


def test_the_same_changes_are_told_once() -> None:
    found = diff(pip=())
    text = told(["one", "two", "three"], [found, found, diff()], ["a", "b", "c"], color=False, width=80)
    assert text.splitlines()[-3:] == ["two", "the same changes as for a", "three"]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1500, "+2 kB"), (-1, "-1 B"), (None, "?"), (2_500_000_000, "+2.5 GB")]
)
def test_signed_sizes(size: int | None, text: str) -> None:
    assert signed(size) == text
