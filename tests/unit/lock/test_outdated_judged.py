"""What holds wheels back, what a row says, and in which state a lock is; pure values."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.lock.compare import LockDiff, compare
from builder.lock.outdated.model import (
    BaseRow,
    EnvironmentRows,
    Holder,
    InstallerRow,
    Outdated,
    PackageRow,
    to_fetch,
)
from builder.lock.outdated.pip import Listed, pip_rows
from builder.lock.outdated.places import Places
from builder.lock.outdated.rows import rows_of
from builder.lock.target import Target
from builder.report.outdated import outdated_text
from builder.spec.load import load_image
from builder.spec.project import Project
from tests.support.lock_samples import conda_package, image_spec, lock_set, pip_package, sha

TARGET = Target("3.11.2", "linux/amd64", "2.36")
FILE = "envs/app/environment.yml"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    folder = tmp_path / "envs/app"
    folder.mkdir(parents=True)
    (folder / "environment.yml").write_text(
        "dependencies:\n  - python=3.11\n  - pip:\n      - top<2\n      - plain\n      - low<1; python_version<'3.9'\n"
    )
    project = Project(tmp_path, tmp_path / "envs")
    spec = load_image(project, "app")
    return Places(spec, spec.environments[0], project.label)


def wheels(name: str, *versions: str, tag: str = "py3-none-any", requires: str = "") -> list[Listed]:
    return [Listed(f"{name}-{version}-{tag}.whl", requires) for version in versions]


def told(places: Places, listed: dict[str, list[Listed]], version: str = "1.0") -> dict[str, PackageRow]:
    after = [
        pip_package("top", version, depends=("low==1.0",)),
        pip_package("low", "1.0", depends=()),
        pip_package("plain", "1.0", depends=()),
    ]
    return {row.name: row for row in pip_rows(after, after, listed, TARGET, places)}


def test_a_line_holds_a_wheel_back(places: Places) -> None:
    row = told(places, {"top": wheels("top", "1.0", "1.5", "2.0")})["top"]
    assert (row.locked, row.allowed, row.newest, row.moves) == ("1.0", "1.0", "2.0", False)
    assert row.held_by == (Holder(asked="top<2", file=FILE, line=4),)
    assert str(row.held_by[0]) == f"top<2 ({FILE}:4)"


def test_those_that_need_it_hold_it_back_with_the_line_that_brings_them(places: Places) -> None:
    row = told(places, {"low": wheels("low", "3.0")})["low"]
    assert [str(one) for one in row.held_by] == [f"top 1.0 needs low, for top<2 ({FILE}:4)"]


def test_the_machine_holds_it_back(places: Places) -> None:
    row = told(places, {"plain": wheels("plain", "2.0", requires=">=3.12")})["plain"]
    assert [str(one) for one in row.held_by] == [
        f"plain 2.0 needs Python >=3.12, against python=3.11 ({FILE}:2)"
    ]
    row = told(places, {"plain": wheels("plain", "2.0", tag="cp311-cp311-win_amd64")})["plain"]
    assert [str(one) for one in row.held_by] == [f"plain 2.0 has no wheel for {TARGET}"]
    row = told(places, {"plain": wheels("plain", "2.0")})["plain"]
    assert row.held_by == ()  # nobody can tell


def test_what_counts_as_newest(places: Places) -> None:
    files = [
        *wheels("plain", "0.9", "2.0rc1", "no version"),
        *wheels("other", "9.0"),
        Listed("plain-3.0.tar.gz"),
        Listed("plain-2.5-py3-none-any.whl", yanked=True),
        Listed("plain-2.6-py3-none-any.whl", requires="nonsense"),
        Listed("\0"),
    ]
    assert told(places, {"plain": files})["plain"].newest == "2.6"
    assert told(places, {"plain": files[:2]}) == {}  # the locked one is newer than those that are left
    assert told(places, {"plain": []}) == {}
    assert told(places, {"unknown": wheels("unknown", "1")}) == {}


def test_a_release_candidate_is_newer_where_one_is_locked(places: Places) -> None:
    assert told(places, {"top": wheels("top", "1.5rc2")}, "1.5rc1")["top"].newest == "1.5rc2"


def test_rows_are_what_moves_and_what_is_held() -> None:
    before = [conda_package("a", "1.0"), conda_package("b", "1.0"), conda_package("gone", "1.0"),
              conda_package("same", "1.0", "0")]  # fmt: skip
    after = [conda_package("a", "1.1"), conda_package("b", "1.0"), conda_package("new", "3"),
             conda_package("same", "1.0", "1")]  # fmt: skip
    newest = {"a": "1.1", "b": "2.0", "new": "3", "same": "1.0"}
    rows = rows_of("conda", before, after, newest.__getitem__, lambda name: (Holder(why=f"why {name}"),))
    assert [(row.name, row.locked, row.allowed, row.newest, row.moves) for row in rows] == [
        ("a", "1.0", "1.1", "1.1", True),
        ("b", "1.0", "1.0", "2.0", False),
        ("gone", "1.0", "", "", True),
        ("new", "", "3", "3", True),
        ("same", "1.0", "1.0", "1.0", True),
    ]
    assert [row.held_by for row in rows] == [(), (Holder(why="why b"),), (), (), ()]
    assert [row.rebuilt for row in rows] == [False, False, False, False, True]


LOCK = lock_set(image_spec())


def update(**changes: object) -> LockDiff:
    held = LOCK.environments[0].model_copy(update=changes)
    return compare(LOCK, LOCK.model_copy(update={"environments": (held,)}))


BACK = PackageRow(manager="conda", name="b", locked="1", allowed="1", newest="2")
HELD = EnvironmentRows(name="app", total=3, packages=(BACK,))
OLD = InstallerRow(kind="miniconda", locked="1", newest="2")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"update": update()}, "current"),
        ({"update": update(), "environments": (HELD,)}, "held"),
        ({"update": update(conda=())}, "behind"),
        ({"update": update(), "installer": OLD}, "behind"),
        ({"update": update(), "installer": OLD.model_copy(update={"newest": ""})}, "current"),
        ({"update": update(), "base": BaseRow(key="d", ref="d:1", locked="a", now="b")}, "behind"),
        ({"update": update(), "base": BaseRow(key="d", ref="d:1", locked="a", trouble="offline")}, "current"),
        ({"update": update(), "stale": ("x",)}, "behind"),
        ({"trouble": "nothing satisfies it", "exit_code": 3}, "unknown"),
        ({"lock": "", "trouble": "it has no lock", "fix": "lock it"}, "missing"),
        ({"lock": "", "trouble": "it cannot be read", "exit_code": 3}, "unknown"),
    ],
)
def test_the_state_of_a_lock(changes: dict[str, object], status: str) -> None:
    row = Outdated(image="app", platform="linux/amd64", lock=LOCK.digest).model_copy(update=changes)
    assert row.status == status
    text = outdated_text([row], color=False, width=60)
    assert text.startswith("app linux/amd64: ")
    assert max(map(len, text.splitlines())) <= 60


def test_bytes_to_fetch_are_those_of_the_files_that_were_not_there() -> None:
    held = LOCK.environments[0]
    conda = (*held.conda, conda_package("big", "1", size=700), conda_package("odd", "1", size=None))
    after = LOCK.model_copy(update={"environments": (held.model_copy(update={"conda": conda}),)})
    assert to_fetch(LOCK, after) == (700, 1)
    assert to_fetch(LOCK, LOCK) == (0, 0)


def test_several_environments_and_troubles_in_words() -> None:
    rows = [
        Outdated(
            image="app", platform=platform, lock=sha("lock"), update=update(),
            installer=InstallerRow(kind="miniconda", locked="1", trouble="the kit has no installer miniconda=9"),
            base=BaseRow(key="d", ref="d:1", locked=f"sha256:{sha('a')}", trouble="nobody knows the host d"),
            environments=(HELD, HELD.model_copy(update={"name": "serve", "packages": ()})),
            notes=("the newest wheels are not known",),
        )
        for platform in ("linux/amd64", "linux/arm64")
    ]  # fmt: skip
    assert outdated_text(rows, color=False, width=1000).splitlines() == [
        "app linux/amd64: `imgbuild lock app --upgrade` would bring nothing, 6 packages",
        "  installer  miniconda 1; the kit has no installer miniconda=9",
        f"  base       d:1 sha256:{sha('a')[:12]}; nobody knows the host d",
        "  note       the newest wheels are not known",
        "PACKAGE  FROM         LOCKED  UPDATE  NEWEST  HELD BACK BY",
        "b        conda (app)  1       1       2       the rest of the set",
        "app linux/arm64: `imgbuild lock app --upgrade` would bring nothing, 6 packages",
        "  the same as for linux/amd64",
    ]
