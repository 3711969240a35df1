"""What rattler and uv make of answers that are no index, and that a lock is made all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hostile_site import HostileSite, formatted, served
from tests.support.hostile_upstream import Hostile, hostile_upstream

QUICK = {"IMGBUILD_RETRIES": "2", "IMGBUILD_RETRY_PAUSE": "0.01"}
LAB = "/conda/lab/linux-64"


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile_upstream(Hostile(served())) as running:
        yield running


def site(tmp_path: Path, server: Hostile) -> HostileSite:
    made = HostileSite(tmp_path, server)
    made.write()
    return made


@pytest.mark.parametrize(
    ("form", "path", "fault"),
    [
        ("json", f"{LAB}/repodata.json", "cut without length"),
        ("json", f"{LAB}/repodata.json", "login page"),
        ("zst", f"{LAB}/repodata.json.zst", "cut without length"),
        ("zst", f"{LAB}/repodata.json.zst", "429"),
        ("shards", f"{LAB}/repodata_shards.msgpack.zst", "cut without length"),
        ("shards", f"{LAB}/repodata_shards.msgpack.zst", "login page"),
        ("shards", f"{LAB}/repodata_shards.msgpack.zst", "reset"),
        ("shards", "/simple/gamma/", "cut without length"),
        ("shards", "/simple/gamma/", "login page"),
        ("shards", "/packages/gamma-2.0-py3-none-any.whl", "one bit"),
    ],
)
def test_a_bad_answer_is_asked_for_again(tmp_path: Path, form: str, path: str, fault: str) -> None:
    with hostile_upstream(Hostile(formatted(form), script={path: [fault]})) as server:
        made = site(tmp_path, server)
        done = made.lock(QUICK)
        assert done.code == 0, done.err
        assert server.met == [(path, fault)]
        assert "gamma-2.0-py3-none-any.whl" in made.locks["conda-lock.yml"]


def test_a_cut_index_that_may_be_kept_poisons_no_later_run(tmp_path: Path) -> None:
    """Its headers say that it is good for ten minutes, and nothing says that it was cut."""
    path = f"{LAB}/repodata.json"
    with hostile_upstream(Hostile(formatted("json"), script={path: ["cut without length"] * 2})) as server:
        made = site(tmp_path, server)
        done = made.lock({**QUICK, "IMGBUILD_RETRIES": "1"})
        assert done.code == 3
        assert "EOF while parsing" in done.err
        assert made.lock(QUICK).code == 0


# The policy allows three. An index that seems to have nothing is looked at twice: for the section as it is, and for
# each of the two mends that still ask for gamma.
@pytest.mark.parametrize(
    ("path", "asked"), [(f"{LAB}/repodata_shards.msgpack.zst", {2, 3}), ("/simple/gamma/", {6})]
)
def test_it_gives_up_in_the_end(tmp_path: Path, server: Hostile, path: str, asked: set[int]) -> None:
    server.script[path] = ["login page"] * 99
    made = site(tmp_path, server)
    done = made.lock(QUICK)
    assert done.code == 3
    assert "to do: " in done.err
    assert len([one for one, _fault in server.met if one == path]) in asked
    assert made.locks == {}


def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    """What uv reads of a wheel has no hash; its zip says that it is not what was packed."""
    path = "/packages/epsilon-0.3-py3-none-any.whl"
    damaged = served()[path].replace(b"Name: epsilon", b"Name: epsilom")
    assert damaged != served()[path]
    with hostile_upstream(Hostile({**served(), path: damaged})) as server:
        done = site(tmp_path, server).lock(QUICK)
    assert done.code == 3
    assert "error: the index's epsilon-0.3-py3-none-any.whl cannot be read" in done.err
