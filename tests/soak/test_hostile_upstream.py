"""Seeded runs of `lock` and a fetch of all files against a server that misbehaves: right, or refused; never wrong.

`make soak` makes 200; `make test` the first few. SOAK_SEED and SOAK_SERVERS choose others: what a seed meets is the
same at every run, and the first ones are the same whatever their number.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.hostile_site import INSTALLER_PATH, KEPT, HostileSite, formatted, served
from tests.support.hostile_upstream import Hostile, Secrets, hostile_upstream
from tests.support.leaks import Hunt
from tests.support.workshop import Ran

pytestmark = pytest.mark.soak

SEED = os.environ.get("SOAK_SEED", "1")
RUNS = int(os.environ.get("SOAK_SERVERS", "8"))
WORKERS = 4  # most of a run is pauses
# Of ten runs, eight have faults that pass, one a file that is always wrong, one a path that never answers.
KINDS = (
    "passing",
    "passing",
    "corrupt",
    "passing",
    "passing",
    "dead",
    "passing",
    "passing",
    "passing",
    "passing",
)
FORMATS = ("shards", "zst", "json")


@dataclass(frozen=True)
class Draw:
    """What one run meets."""

    number: int

    def __str__(self) -> str:
        return f"{self.number}-{self.kind}-{self.format}"

    @property
    def seed(self) -> str:
        return f"{SEED}.{self.number}"

    @property
    def kind(self) -> str:
        return KINDS[self.number % len(KINDS)]

    @property
    def format(self) -> str:
        return FORMATS[self.number % len(FORMATS)]

    @property
    def keeps(self) -> str:
        """Where this run's credentials are kept."""
        return self.chance("place").choice(("netrc", "condarc", "rattler"))

    def secret(self, name: str) -> str:
        """A secret of this run, with characters that have to be encoded where it is a password."""
        odd = "" if name == "token" else "p%ss/:"
        return odd + self.chance(name).randbytes(12).hex()

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")


@dataclass
class Tally:
    """What all runs met and how they ended."""

    endings: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, draw: Draw, server: Hostile) -> None:
        """Count a run that ended as it should."""
        with self.lock:
            self.endings[draw.kind] += 1
            self.faults.update(name for _path, name in server.met)
            self.requests += len(server.asked)

    def __str__(self) -> str:
        met = ", ".join(f"{count} {name}" for name, count in self.faults.most_common())
        ends = ", ".join(f"{count} {name}" for name, count in self.endings.most_common())
        return f"{ends}; {self.requests} requests met {sum(self.faults.values())} faults: {met}"


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    made = Tally()
    yield made
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\nhostile upstream, seed {SEED}: {made}")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, dict[str, str]]:
    """The locks of a server that does not misbehave, by whether its index speaks JSON (HTML has no sizes)."""
    return {as_json: _reference(tmp_path_factory.mktemp("good"), as_json) for as_json in (True, False)}


def _reference(home: Path, as_json: bool) -> dict[str, str]:
    with hostile_upstream(Hostile(served(), as_json=as_json)) as server:
        site = HostileSite(home, server)
        site.write()
        done = site.lock()
    assert done.code == 0, done.err
    assert sorted(site.locks) == ["conda-lock.yml", "imgbuild.lock.json"]
    return site.locks


@dataclass
class Run:
    """One project and its server, and the story to tell when something is wrong."""

    draw: Draw
    site: HostileSite
    reference: dict[str, str]
    said: list[str] = field(default_factory=list)

    def lock(self) -> Ran:
        return self._checked(self.site.lock(self._environ()))

    def render(self) -> Ran:
        return self._checked(self.site.render(self._environ()))

    def _environ(self) -> dict[str, str]:
        # A path that never answers is asked for twice only, so that the run has an end.
        retries = "1" if self.site.server.dead else "4"
        return {"IMGBUILD_RETRY_PAUSE": "0.05", "IMGBUILD_RETRIES": retries, "IMGBUILD_HTTP_TIMEOUT": "10"}

    def _checked(self, done: Ran) -> Ran:
        """What holds however a command ends."""
        self.said.append(f"ended with {done.code}\n{done.out}{done.err}")
        assert done.code in {0, 3, 5}, self.story
        assert "Traceback" not in done.out + done.err, self.story
        assert (done.code == 0) == ("error:" not in done.err), self.story
        assert done.code == 0 or "to do: " in done.err, self.story
        assert list((self.site.home / "tmp").iterdir()) == [], self.story
        for path in self.stored:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, self.story
        return done

    @property
    def stored(self) -> list[Path]:
        return [path for path in (self.site.cache / "sha256").rglob("*") if path.is_file()]

    @property
    def story(self) -> str:
        met = "\n".join(f"  {fault} at {path}" for path, fault in self.site.server.met)
        return f"seed {SEED}, run {self.draw}\n{met}\n" + "\n".join(self.said)

    def all_is_right(self) -> None:
        """The locks are those of a good server, and every locked file is in the context as it was served."""
        assert self.site.locks == self.reference, self.story
        assert list((self.site.cache / "partial").iterdir()) == [], self.story
        context = {path.name: path for path in (self.site.home / "context").rglob("*") if path.is_file()}
        wanted = self.site.wanted
        assert len(wanted) == 9
        assert {path.name for path in self.stored} == {
            hashlib.sha256(body).hexdigest() for body in wanted.values()
        }, self.story
        for name, body in wanted.items():
            if not name.startswith("uv-"):  # of uv's wheel, the program goes into the context
                assert context[name].read_bytes() == body, f"{name}\n{self.story}"

    def no_secret_is_out(self) -> None:
        """Token and password are where they were kept, and nowhere else; and the server was asked with them."""
        secrets = self.site.server.secrets
        assert secrets is not None
        hunt = Hunt(secrets.token, secrets.password)
        assert hunt.below(self.site.home, but=KEPT) == [], self.story
        assert list(hunt.leaks("output", "".join(self.said).encode())) == [], self.story
        assert hunt.looked > 20

    def leave_something(self) -> None:
        """What an earlier run may have left: half a file, or something else under its name."""
        chance = self.draw.chance("leftover")
        name, body = chance.choice(sorted(self.site.wanted.items()))
        left = body[: chance.randrange(len(body))]
        if chance.random() < 0.5:
            left = chance.randbytes(chance.randrange(1, 2 * len(body)))
        part = self.site.cache / "partial" / f"{hashlib.sha256(body).hexdigest()}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(left)
        self.said.append(f"left {len(left)} bytes of {name} ({len(body)} bytes)")


DRAWS = [Draw(number) for number in range(RUNS)]


@pytest.fixture(scope="module")
def ended(
    reference: dict[bool, dict[str, str]], tally: Tally, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Draw, Future[None]]]:
    """All runs, some of them at a time."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield {
            draw: pool.submit(_run, draw, reference, tally, tmp_path_factory.mktemp("run")) for draw in DRAWS
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("draw", DRAWS, ids=str)
def test_right_or_refused(draw: Draw, ended: dict[Draw, Future[None]]) -> None:
    ended[draw].result()


def _run(draw: Draw, reference: dict[bool, dict[str, str]], tally: Tally, home: Path) -> None:
    as_json = draw.chance("page").random() < 0.7
    secrets = Secrets(draw.secret("token"), "builder", draw.secret("password"))
    server = Hostile(formatted(draw.format), seed=draw.seed, as_json=as_json, secrets=secrets)
    with hostile_upstream(server):
        run = Run(draw, HostileSite(home, server), reference[as_json])
        run.site.write()
        run.site.keep_secrets(draw.keeps)
        if draw.chance("left").random() < 0.3:
            run.leave_something()
        {"passing": _passing, "corrupt": _corrupt, "dead": _dead}[draw.kind](run)
        run.no_secret_is_out()
    tally.add(draw, server)
    shutil.rmtree(home)


def _passing(run: Run) -> None:
    assert run.lock().code == 0, run.story
    assert run.render().code == 0, run.story
    run.all_is_right()


def _corrupt(run: Run) -> None:
    """One file comes with a wrong bit every time: it is named with both hashes, and nothing of it is kept."""
    server = run.site.server
    path = run.draw.chance("corrupt").choice(run.site.packages)
    server.corrupt = path
    body, name = server.files[path], path.rpartition("/")[2]
    done = run.lock()
    if done.code == 0:
        assert run.site.locks == run.reference, run.story
        done = run.render()
    elif path.endswith(".whl"):  # uv has to read it, and its zip says that it is damaged
        assert done.code == 3, run.story
        assert f"error: the index's {name} cannot be read" in done.err, run.story
        server.corrupt = ""
        assert run.lock().code == 0, run.story
        server.corrupt = path
        done = run.render()
    else:  # the installer is fetched before a lock is made
        assert path.endswith(".sh"), run.story
        assert run.site.locks == {}, run.story
    assert done.code == 5, run.story
    good, bad = (hashlib.sha256(one).hexdigest() for one in (body, server.wrong(path)))
    named = f"{name} is not what the lock names: sha256 expected {good}, got {bad}"
    assert named in done.err.rpartition("error: ")[2], run.story
    kept = {path.name: path for path in run.site.cache.rglob("*") if path.is_file()}
    assert good not in kept, run.story
    assert f"{good}.part" not in kept, run.story
    server.corrupt = ""
    _passing(run)


def _dead(run: Run) -> None:
    """One path never answers: the run says which, and the next one goes on where it stopped."""
    server = run.site.server
    server.seed = None
    server.dead = run.draw.chance("dead").choice(run.site.paths)
    locked = run.lock()
    done = locked if locked.code else run.render()
    assert done.code in {3, 5}, run.story
    assert "503" in done.err, run.story
    server.dead = ""
    _passing(run)


def test_without_credentials_nothing_is_given(tmp_path: Path) -> None:
    """The server demands what the runs above give it."""
    secrets = Secrets("token-0123456789", "builder", "password-0123")
    with hostile_upstream(Hostile(served(), secrets=secrets, public=(INSTALLER_PATH,))) as server:
        site = HostileSite(tmp_path, server)
        site.write()
        done = site.lock()
        assert done.code == 3
        assert "credentials" in done.err
        # The folders of a channel are asked side by side: whichever is refused first ends the lock.
        assert server.refused
        assert {path.rsplit("/", 2)[0] for path in server.refused} == {"/conda/lab"}
        assert site.locks == {}
