"""An engine over TCP that sees no directory of ours: images are built and proven there, what cannot work is said."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine_proxy import TcpProxy
from tests.support.left import Look
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import PREFIX, Ran, Workshop

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def remote(workshop: Workshop) -> Iterator[str]:
    """Its address. The project, its kit and the store are empty directories for it."""
    with tempfile.TemporaryDirectory(prefix="spare-", ignore_cleanup_errors=True) as home:
        all_ours = {workshop.root.parent, workshop.kit, workshop.cache}
        hidden = [path for path in all_ours if not all_ours.intersection(path.parents)]
        made = SpareEngine(Path(home), tuple(hidden))
        try:
            made.start()
            with TcpProxy(made.home / "docker.sock") as proxy:
                yield proxy.endpoint
        finally:
            made.end()


@pytest.fixture(scope="module")
def built(workshop: Workshop, remote: str) -> Ran:
    return workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json", env={"DOCKER_HOST": remote})


def run(workshop: Workshop, remote: str, *words: str) -> Ran:
    return workshop.run("run", "tiny", "--network", "none", *words, env={"DOCKER_HOST": remote})


def test_an_image_is_built_and_proven_there(built: Ran, remote: str) -> None:
    assert built.code == 0, built.err
    (image,) = built.document["images"]
    assert image["verdict"]["results"][0]["outcome"] == "passed"
    assert f"{PREFIX}/tiny:latest" in Look(remote).images()
    assert Look(remote).leftovers() == []


def test_a_directory_of_ours_is_refused_with_a_way_out(workshop: Workshop, built: Ran, remote: str) -> None:
    done = run(workshop, remote, "true")
    assert done.code == 125
    assert f"does not see this machine's directories, and {workshop.root} is to be mounted" in done.err
    assert remote in done.err
    assert "leave the current directory out with --no-mount" in done.err
    assert run(workshop, remote, "--no-mount", "-v", "./envs:/envs", "true").code == 125


def test_a_program_runs_there_all_the_same(workshop: Workshop, built: Ran, remote: str) -> None:
    done = run(workshop, remote, "--no-mount", "sh", "-c", "pwd; cat; exit 3")
    assert (done.code, done.out) == (3, "/work\n"), done.err


def test_nothing_is_left_there(workshop: Workshop, built: Ran, remote: str) -> None:
    run(workshop, remote, "--no-mount", "--no-cache-volume", "true")
    assert Look(remote)("ps", "-aq") == []
