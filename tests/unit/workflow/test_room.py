"""What is said before a build begins, and which builds are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.plan import Estimate, Plan, group_packages
from builder.progress import Event, Note
from builder.spec.project import Project
from builder.store.upstream import Upstream
from builder.workflow.estimate import estimate
from builder.workflow.planning import Planned
from builder.workflow.room import check_room, told
from tests.support.engine_base import tar_of
from tests.support.fake_engine import FakeEngine
from tests.support.lock_samples import image_spec, lock_set, pip_package

GB = 10**9


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "envs").mkdir()
    return Project(tmp_path, tmp_path / "envs")


def planned(size: int) -> Planned:
    """An image with a wheel of this size, and small things."""
    spec = image_spec()
    lock = lock_set(spec)
    wheel = pip_package("torch", "2.14.1", size=size)
    environments = tuple(one.model_copy(update={"pip": (wheel,)}) for one in lock.environments)
    lock = lock.model_copy(update={"environments": environments})
    return Planned(Plan(spec=spec, lock=lock, groups=group_packages(lock), digest="d" * 64), Upstream())


def test_all_of_it_counts_in_an_engine_that_holds_nothing() -> None:
    costs = estimate(planned(GB), None)
    assert costs.fetch == costs.store
    assert GB < costs.fetch < 1.1 * GB
    assert 1.9 * GB < costs.image < 2.3 * GB
    assert costs.engine > costs.image + GB
    assert GB <= costs.least < 1.1 * GB


def test_what_the_engine_holds_is_not_fetched_and_not_brought_again() -> None:
    engine, made = FakeEngine(), planned(GB)
    for group in made.plan.groups:
        engine.import_tar(group.ref, [tar_of({})], labels={}, platform="linux/amd64")
    costs = estimate(made, engine)
    assert (costs.fetch, costs.store) == (0, 0)
    assert costs.engine < estimate(made, None).engine - 0.9 * GB


def test_a_build_cache_may_hold_some_layers() -> None:
    empty, some, full = FakeEngine(), FakeEngine(cached=GB), FakeEngine(cached=9 * GB)
    most = estimate(planned(GB), empty).least
    assert most > 2 * GB
    assert estimate(planned(GB), some).least == most - GB
    assert estimate(planned(GB), full).least < 1.1 * GB


def test_files_of_unknown_size_are_counted() -> None:
    made = planned(GB)
    bare = [group.model_copy(update={"files": tuple(one.model_copy(update={"size": None}) for one in group.files)})
            for group in made.plan.groups]  # fmt: skip
    costs = estimate(Planned(made.plan.model_copy(update={"groups": tuple(bare)}), made.source), None)
    assert costs.unknown == sum(len(group.files) for group in bare)
    assert f"0 B to fetch and {costs.unknown} files of unknown size" in told(costs, None)


def test_on_two_disks_downloads_do_not_count(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.workflow.room._same_disk", lambda _one, _other: False)
    engine = FakeEngine(free=int(1.2 * GB), root=tmp_path, cached=9 * GB)
    assert check_room(project, planned(GB), engine, lambda _event: None).store >= GB


def test_what_it_costs_is_said_in_one_line() -> None:
    costs = Estimate(fetch=3 * GB, image=7 * GB, engine=11 * GB, least=3 * GB, store=3 * GB, seconds=130)
    assert told(costs, 60 * GB) == (
        "3.0 GB to fetch, an image of about 7.0 GB, up to 11 GB of the engine's disk (60 GB free), about 2 min "
        "beside the downloads"
    )
    assert told(costs.model_copy(update={"fetch": 0}), None) == (
        "nothing to fetch, an image of about 7.0 GB, up to 11 GB of the engine's disk, about 2 min"
    )


def test_a_build_that_cannot_fit_is_refused_with_what_can_go(project: Project, tmp_path: Path) -> None:
    engine = FakeEngine(free=GB, root=tmp_path)
    engine.import_tar(
        "imgbuild/pkg:old",
        [tar_of({"old": b"x" * 5000})],
        labels={"io.imgbuild.kind": "pkg"},
        platform="linux/amd64",
    )
    events: list[Event] = []
    with pytest.raises(
        BuildError, match=r"does not fit: it takes at least .* and 1\.0 GB are free"
    ) as caught:
        check_room(project, planned(GB), engine, events.append)
    assert caught.value.where == str(tmp_path)
    assert caught.value.fix.startswith("`imgbuild clean` would free ")
    assert "--all --build-cache" in caught.value.fix
    assert [type(event) for event in events] == [Note]


def test_on_one_disk_downloads_and_images_count_together(project: Project, tmp_path: Path) -> None:
    engine = FakeEngine(free=2 * GB, root=tmp_path, cached=9 * GB)
    with pytest.raises(BuildError, match="does not fit"):
        check_room(project, planned(GB), engine, lambda _event: None)
    engine.free = int(2.2 * GB)
    assert check_room(project, planned(GB), engine, lambda _event: None).store >= GB


def test_an_engine_elsewhere_refuses_nothing(project: Project) -> None:
    for engine in (FakeEngine(free=None), FakeEngine(free=1, root=None)):
        check_room(project, planned(GB), engine, lambda _event: None)
