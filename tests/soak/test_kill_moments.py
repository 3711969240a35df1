"""Seeded kill moments over fetch, import, build and smoke: the repeated command always ends proven, nothing is left.

`make soak` runs 50; `make test` the first few. SOAK_SEED and SOAK_RUNS choose others: the moments of a seed are the
same at every run, and the first ones are the same whatever their number.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.kit import Kit
from builder.workflow.locking import current_lock
from tests.support.flaky_server import FlakyServer, Handler, flaky_server
from tests.support.left import Look
from tests.support.small_disk import small_disk
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import PREFIX, Workshop

pytestmark = [pytest.mark.engine, pytest.mark.soak]

SEED = int(os.environ.get("SOAK_SEED", "1"))
RUNS = int(os.environ.get("SOAK_RUNS", "6"))
PHASES = ("fetch", "import", "build", "smoke")
# How long each phase takes on a slow machine, in seconds: a moment is drawn from a little more than that.
LASTS = {"fetch": 1.5, "import": 3.0, "build": 12.0, "smoke": 1.0}
BYTES_PER_SECOND = 40e6  # of the server: a fetch that is over at once has no moments


@dataclass(frozen=True)
class Moment:
    """What is killed, how, and when: `after` seconds into a phase."""

    number: int
    phase: str
    victim: str
    after: float

    def __str__(self) -> str:
        return f"{self.number}: {self.victim} {self.after:.2f} s into {self.phase}"


def moments(seed: int, count: int) -> list[Moment]:
    """The phases in turn, so that few runs meet all of them; the rest by chance."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        phase = PHASES[number % len(PHASES)]
        victim = chance.choice(("SIGKILL", "SIGKILL", "SIGINT", "SIGTERM", "daemon", "daemon"))
        found.append(Moment(number, phase, victim, chance.random() * LASTS[phase]))
    return found


@dataclass
class Bench:
    """An engine, a store and a project of this test's own, and the kit's files on a server."""

    spare: SpareEngine
    server: FlakyServer
    workshop: Workshop
    cache: Path

    def __post_init__(self) -> None:
        self.look = Look(self.spare.endpoint)

    def start(self) -> subprocess.Popen[str]:
        """The command, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.over_http", self.server.url, "build", "tiny", "-v", "--json",
             "--kit", str(self.workshop.kit)],
            cwd=self.workshop.root,
            env=self.workshop.environ({"DOCKER_HOST": self.spare.endpoint, "IMGBUILD_CACHE": str(self.cache)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip

    def forget(self, phase: str) -> None:
        """What this phase and those after it make is not there: image, record, cache, packages, store."""
        shutil.rmtree(self.workshop.root / ".imgbuild", ignore_errors=True)
        self._remove(f"{PREFIX}/*")
        if phase != "smoke":
            self.look("builder", "prune", "-af")
        if phase in {"fetch", "import"}:
            self._remove("imgbuild/*")
        if phase == "fetch":
            shutil.rmtree(self.cache, ignore_errors=True)

    def _remove(self, names: str) -> None:
        images = self.look("images", "-q", "--filter", f"reference={names}")
        if images:
            self.look("rmi", "-f", *dict.fromkeys(images))

    def kill(self, moment: Moment) -> tuple[int, str, str]:
        """Run the command until the moment, kill, and return how it ended, and what it said on both ways out."""
        process = self.start()
        assert process.stderr is not None
        seen: list[str] = []
        begun = threading.Event()
        reader = threading.Thread(target=_follow, args=(process.stderr, moment.phase, seen, begun))
        reader.start()
        begun.wait(300)
        time.sleep(moment.after)  # this is no waiting for something: it is the moment
        if moment.victim == "daemon":
            self.spare.kill()
        elif process.poll() is None:
            os.killpg(process.pid, signal.Signals[moment.victim])
        out, _ = _drained(process, reader)
        if moment.victim == "daemon":
            self.spare.start()
        return process.returncode, out, "".join(seen)

    def again(self) -> tuple[int, str, str]:
        """The same command to its end."""
        process = self.start()
        out, err = process.communicate(timeout=600)
        return process.returncode, out, err


def _follow(stream: Iterator[str], phase: str, seen: list[str], begun: threading.Event) -> None:
    for line in stream:
        seen.append(line)
        if line.startswith(f"{phase} "):
            begun.set()
    begun.set()  # it ended without that phase: nothing to wait for


def _drained(process: subprocess.Popen[str], reader: threading.Thread) -> tuple[str, int]:
    assert process.stdout is not None
    out = process.stdout.read()
    code = process.wait(timeout=300)
    reader.join(60)
    process.stdout.close()
    if process.stderr is not None:
        process.stderr.close()
    return out, code


@pytest.fixture(scope="module")
def bench(workshop: Workshop) -> Iterator[Bench]:
    # A test run in the background ignores Ctrl-C, and what it starts would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    project = find_project(workshop.root)
    kit = Kit.open(workshop.kit)
    lock = current_lock(load_image(project, "tiny"), "linux/amd64", kit, locked=True, observer=print)
    with (
        tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as home,
        flaky_server() as server,
    ):
        for file in lock.files:
            path = kit.local(file)
            assert path is not None
            server.bodies[f"/{file.sha256}"] = path.read_bytes()
        server.usual = paced
        spare = SpareEngine(Path(home))
        with small_disk(spare.home / "data", "2g"):  # in memory: the engine writes much, and 50 times
            spare.start()
            try:
                yield Bench(spare, server, workshop, Path(home) / "cache")
            finally:
                spare.end()


def paced(handler: Handler, body: bytes) -> None:
    """As a server far away: ranges, and so many bytes in a second."""
    start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    handler.send_header("Content-Length", str(len(body) - start))
    handler.end_headers()
    piece = 1 << 18
    for place in range(start, len(body), piece):
        try:
            handler.wfile.write(body[place : place + piece])
        except ConnectionError:  # the client was killed
            return
        time.sleep(piece / BYTES_PER_SECOND)


@pytest.mark.parametrize("moment", moments(SEED, RUNS), ids=str)
def test_the_repeated_command_ends_proven(moment: Moment, bench: Bench) -> None:
    bench.forget(moment.phase)
    code, out, err = bench.kill(moment)
    story = f"seed {SEED}, {moment}: ended with {code}\n{out[-1000:]}{err[-3000:]}"
    print(story)
    if (
        '"images"' not in out
    ):  # else it had said all and was on its way out: the moment came too late to matter
        expected = {"SIGKILL": -signal.SIGKILL, "SIGINT": 130, "SIGTERM": 130, "daemon": 4}
        assert code == expected[moment.victim], story
    if code == 4:
        assert err.count("\nerror: ") == 1, story
        assert "to do: " in err.rpartition("\nerror: ")[2], story
    again, out, err = bench.again()
    assert again == 0, f"{story}\nagain: {err[-3000:]}"
    (image,) = json.loads(out)["images"]
    proven = {result["name"]: result["outcome"] for result in image["verdict"]["results"]}
    assert proven == {"audit": "passed", "python": "passed"}, story
    assert bench.look.leftovers() == [], story
    assert [name for name in bench.look.images() if name.startswith(PREFIX)] == [f"{PREFIX}/tiny:latest"], (
        story
    )
    assert list(bench.cache.rglob("*.part")) == [], story
    assert list((bench.cache / "turns").iterdir()) == [], story
