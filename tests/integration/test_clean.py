"""What a build costs, as it was said before, and what `clean` takes away: on an engine and a store of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.left import Look
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import HERE, PREFIX, REPOSITORY, Ran, Workshop

pytestmark = pytest.mark.engine


class Lived:
    """A project of two images, one proven and one not, in an engine that holds nothing else."""

    def __init__(self, workshop: Workshop, spare: SpareEngine, home: Path) -> None:
        self.spare = spare
        self.look = Look(spare.endpoint)
        envs = home / "project" / "envs"
        envs.mkdir(parents=True)
        for name in ("tiny", "broken"):
            shutil.copytree(HERE / "envs" / name, envs / name)
        shutil.copy(REPOSITORY / "envs" / "_bases.yml", envs)
        self.shop = replace(workshop, root=home / "project", cache=home / "cache")
        self.tiny = self.run("build", "tiny", "--kit", str(workshop.kit), "--json")
        assert self.tiny.code == 0, self.tiny.err
        broken = self.run("build", "broken", "--kit", str(workshop.kit))
        assert broken.code == 6, broken.err

    def run(self, *words: str) -> Ran:
        return self.shop.run(*words, env={"DOCKER_HOST": self.spare.endpoint})

    def clean(self, *words: str) -> Any:
        done = self.run("clean", *words, "--json")
        assert done.code == 0, done.err
        return done.document

    @property
    def used(self) -> int:
        """Bytes below the engine's data directory."""
        done = subprocess.run(
            ["du", "-sxb", str(self.spare.home / "data")], capture_output=True, text=True, check=False
        )
        return int(done.stdout.split()[0])


@pytest.fixture(scope="module")
def lived(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with tempfile.TemporaryDirectory(prefix="spare-", ignore_cleanup_errors=True) as home:
        spare = SpareEngine(Path(home))
        spare.start()
        try:
            yield Lived(workshop, spare, tmp_path_factory.mktemp("lived"))
        finally:
            spare.end()


def kinds(document: Any) -> list[str]:
    return sorted({one["kind"] for one in document["leftovers"]})


def test_what_was_said_before_came_true(lived: Lived) -> None:
    (line,) = [line for line in lived.tiny.err.splitlines() if " to fetch, an image of about " in line]
    assert line.startswith("note    nothing to fetch, an image of about ")
    costs = lived.run("plan", "tiny", "--json").document["images"][0]["costs"]
    size = lived.tiny.document["images"][0]["size"]
    assert 0.75 < costs["image"] / size < 1.33
    assert costs["fetch"] == costs["store"] == 0
    assert costs["engine"] > size


def test_a_build_that_has_it_all_says_nothing_of_costs(lived: Lived) -> None:
    done = lived.run("build", "tiny")
    assert done.code == 0, done.err
    assert "an image of about" not in done.err


def test_only_what_nobody_needs_goes(lived: Lived) -> None:
    before = lived.look.images()
    said = lived.clean()
    assert (said["removed"], kinds(said)) == (False, ["unproven"])
    assert [one["name"] for one in said["leftovers"]] == [f"{PREFIX}/broken:unproven"]
    assert sorted(lived.look.images()) == sorted(before)
    done = lived.clean("--yes")
    assert (done["removed"], done["leftovers"]) == (True, said["leftovers"])
    assert set(before) - set(lived.look.images()) == {f"{PREFIX}/broken:unproven"}
    assert lived.run("clean").out == "nothing to remove\n"


def test_files_and_records_that_nobody_needs_go(lived: Lived) -> None:
    cache, kept = lived.shop.cache, lived.shop.root / ".imgbuild"
    planted = {
        cache / "sha256" / "ab" / ("ab" + 62 * "0"): "store",
        cache / "partial" / ("cd" + 62 * "0" + ".part"): "downloads",
        kept / "gone" / "record.json": "records",
    }
    other = [cache / "sha256" / "ab" / "README", kept / "notes" / "mine.txt"]
    for path in (*planted, *other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * 1000)
    said = lived.clean("--yes")
    assert kinds(said) == sorted(planted.values())
    assert said["bytes"] == 3000
    assert [path for path in planted if path.exists()] == []
    assert all(path.exists() for path in other)
    assert (kept / "tiny" / "record.json").exists()


def test_volumes_with_caches_are_told_and_go_when_asked_for(lived: Lived) -> None:
    done = lived.run("run", "tiny", "--", "sh", "-c", "head -c 50000 /dev/zero > /cache/weights")
    assert done.code == 0, done.err
    lived.look("volume", "create", "imgbuild-cache-unlabelled")
    lived.look("volume", "create", "--label", "io.imgbuild.kind=cache", "somebodys")
    said = lived.clean("--all", "--build-cache")
    assert "caches" not in kinds(said)
    ((name, size),) = said["caches"].items()
    assert name.startswith("imgbuild-cache-")
    assert 50_000 <= size < 1_000_000
    text = lived.run("clean").out
    assert f"caches of `run` and `shell` stay: {name}" in text
    user = lived.look("run", "-d", "-v", f"{name}:/cache", f"{PREFIX}/tiny", "sleep", "600")[0]
    held = lived.clean("--caches", "--yes")
    assert list(held["kept"]) == [name]
    lived.look("rm", "-f", user)
    gone = lived.clean("--caches", "--yes")
    assert [(one["kind"], one["name"], one["bytes"]) for one in gone["leftovers"]] == [("caches", name, size)]
    left = lived.look("volume", "ls", "-q")
    assert sorted(left) == ["imgbuild-cache-unlabelled", "somebodys"]
    lived.look("volume", "rm", *left)


def test_a_download_under_way_stays(lived: Lived) -> None:
    part = lived.shop.cache / "partial" / ("ef" + 62 * "0" + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert lived.clean("--yes")["leftovers"] == []
    assert kinds(lived.clean("--yes")) == ["downloads"]


def test_nothing_goes_while_another_is_at_work(lived: Lived) -> None:
    turn = lived.shop.cache / "turns" / "x"
    turn.parent.mkdir(parents=True, exist_ok=True)
    with turn.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert lived.run("clean").code == 0
        done = lived.run("clean", "--all", "--yes")
        assert (done.code, done.out) == (2, "")
        assert "another imgbuild is at work on this machine" in done.err
    turn.unlink()


def test_all_of_it_goes_and_the_image_stays(lived: Lived) -> None:
    before = lived.used
    said = lived.clean("--all", "--build-cache", "--yes")
    assert kinds(said) == ["bases", "build-cache", "packages"]
    assert lived.look.images() == [f"{PREFIX}/tiny:latest"]
    freed = before - lived.used
    # The base's layer is part of the image that stays; sizes are those of content, a disk holds whole blocks.
    assert 0.5 * said["bytes"] < freed < 1.3 * said["bytes"]
    out = lived.look("run", "--rm", f"{PREFIX}/tiny", "python", "-c", "print('works')")
    assert out == ["works"]
    again = lived.run("build", "tiny")
    assert again.code == 0, again.err
    assert "unchanged" in again.out


def test_for_people_it_is_a_table_and_nothing_is_done(lived: Lived) -> None:
    done = lived.run("build", "tiny", "--force")
    assert done.code == 0, done.err
    text = lived.run("clean", "--all").out
    head, *rows, _, last = text.splitlines()
    assert head.split() == ["WHAT", "COUNT", "FREES"]
    assert rows[0].startswith("package images in the engine")
    assert last.endswith("would be freed: imgbuild clean --yes")
    assert os.fspath(lived.shop.cache) not in text
