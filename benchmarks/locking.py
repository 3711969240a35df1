"""Locking against channels of conda-forge's size: `make bench-lock`.

A made-up conda-forge (`benchmarks.forge`, about 400,000 records on linux-64 and noarch) is served on loopback, sharded
and whole. imgbuild and rattler alone solve the same asks by turns, and every answer is compared with the one that is
known beforehand. LOCKING is all that `imgbuild lock` does once it runs, SOLVING what rattler's solve takes of it;
COMMAND and RATTLER are the same as whole processes, with their start. Exit code 1 when an answer is wrong, when locking
takes more than 1.5 times as long as solving, or when the command needs 1.5 GB of memory.

RUNS (5), SEED (7), SIZE (28000 projects), ASKS (12 names an environment) change what is measured.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import yaml

from benchmarks.forge.records import Maker
from benchmarks.forge.server import FORMS, served
from benchmarks.forge.world import PINS, World, make_world
from benchmarks.forge.write import write_channel
from benchmarks.measure import Measured, measured
from builder.report.columns import table
from builder.report.size import human_size

REPOSITORY = Path(__file__).parent.parent
CANONICAL = "https://conda.anaconda.org"
SLOWEST = 1.5  # times rattler alone
LARGEST = 1_500_000_000  # bytes
IMAGE = "base: here\ninstaller: miniforge=26.3.2-3\n"
BASE = f"""\
here:
  ref: docker.io/library/debian:bookworm-slim@sha256:{"0" * 64}
  family: debian
  suite: bookworm
  glibc: '2.36'
  platforms: [linux/amd64]
"""


@dataclass
class Case:
    """One row: how the index is served, and whether its cache is filled. Times are seconds, memory is bytes."""

    form: str
    warm: bool
    commands: list[Measured] = field(default_factory=list)
    locking: list[float] = field(default_factory=list)
    alone: list[Measured] = field(default_factory=list)
    solving: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Locking to solving, median over median, both without the start of a program."""
        return median(self.locking) / median(self.solving)

    @property
    def peak(self) -> int:
        """The most memory any run of the command took, in bytes."""
        return max(one.memory for one in self.commands)

    def row(self) -> list[str]:
        """The row of the table."""
        whole = [median(one.seconds for one in runs) for runs in (self.commands, self.alone)]
        return [
            f"{self.form}, {'warm' if self.warm else 'cold'}",
            f"{median(self.locking):.2f} s",
            f"{median(self.solving):.2f} s",
            f"{self.ratio:.2f}",
            f"{whole[0]:.2f} s",
            f"{whole[1]:.2f} s",
            f"{whole[0] / whole[1]:.2f}",
            human_size(self.peak),
            human_size(max(one.memory for one in self.alone)),
        ]


@dataclass(frozen=True)
class Bench:
    """A channel that is served, and a project that asks it."""

    world: World
    url: str
    home: Path

    def right(self, asked: Sequence[str]) -> set[tuple[str, str]]:
        """URL and sha256 of all that the lock must hold."""
        maker = Maker(self.world)
        records = [maker.right(project, version) for project, version in self.world.closure(asked)]
        return {
            (f"{CANONICAL}/conda-forge/{one.subdir}/{one.filename}", one.data["sha256"]) for one in records
        }

    def measure(self, case: Case, asked: Sequence[str]) -> None:
        """One run of each, with a cache of its own."""
        folder = project(self.home / "project", asked)
        for side in (self.command, self.inside, self.rattler):
            cache = self.home / f"cache-{case.form}-{side.__name__}"
            if not case.warm:
                shutil.rmtree(cache, ignore_errors=True)
            for lock in folder.glob("*lock*"):
                lock.unlink()
            side(case, asked, environ(self.home, cache))

    def command(self, case: Case, asked: Sequence[str], env: Mapping[str, str]) -> None:
        """`imgbuild lock`, whole."""
        mirror = f"{CANONICAL}/={self.url}/{case.form}/"
        argv = [sys.executable, "-m", "builder.cli", "lock", "big", "--mirror", mirror, "-q"]
        case.commands.append(measured(argv, cwd=self.home / "project", env=env))
        self.check(locked_in(self.home / "project"), self.right(asked), "imgbuild lock")

    def inside(self, case: Case, asked: Sequence[str], env: Mapping[str, str]) -> None:
        """What the command does once it runs."""
        argv = [sys.executable, "-m", "benchmarks.inside", f"{self.url}/{case.form}/"]
        case.locking.append(float(measured(argv, cwd=self.home / "project", env=env).out))
        self.check(locked_in(self.home / "project"), self.right(asked), "locking")

    def rattler(self, case: Case, asked: Sequence[str], env: Mapping[str, str]) -> None:
        """rattler in a process of its own, and its solve alone."""
        channel = f"{self.url}/{case.form}/conda-forge"
        argv = [sys.executable, "-m", "benchmarks.yardstick", channel, "--", *PINS, *asked]
        taken = measured(argv, cwd=REPOSITORY, env=env)
        told = json.loads(taken.out)
        case.alone.append(taken)
        case.solving.append(told["seconds"])
        found = {url.replace(f"{self.url}/{case.form}", CANONICAL) for url in told["urls"]}
        self.check(found, {url for url, _ in self.right(asked)}, "rattler")

    @staticmethod
    def check(found: set[object], right: set[object], who: str) -> None:
        """End with exit code 1 when the answer is not the known one."""
        if found != right:
            raise SystemExit(
                f"error: {who} gave another answer than the known one: {sorted(map(str, found ^ right))[:6]}"
            )


def project(root: Path, asked: Sequence[str]) -> Path:
    """A project of one environment; returns its folder, without a lock."""
    folder = root / "envs" / "big"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = "".join(f"  - {spec}\n" for spec in (*PINS, *asked))
    (folder / "environment.yml").write_text(f"name: big\nchannels: [conda-forge]\ndependencies:\n{lines}")
    (folder / "image.yml").write_text(IMAGE)
    (root / "envs" / "_bases.yml").write_text(BASE)
    return folder


def locked_in(root: Path) -> set[object]:
    """URL and sha256 of every package of the lock, read as any YAML reader does."""
    page = yaml.load((root / "envs" / "big" / "conda-lock.yml").read_text(), Loader=yaml.CSafeLoader)
    return {(one["url"], one["hash"]["sha256"]) for one in page["package"]}


def environ(home: Path, cache: Path) -> dict[str, str]:
    """Every cache below one folder, bytecode as on any machine, and no settings of the person who measures."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("IMGBUILD_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    mine = {name: str(cache / name.lower()) for name in ("XDG_CACHE_HOME", "IMGBUILD_CACHE")}
    mine |= {"PYTHONPYCACHEPREFIX": str(home / "bytecode"), "PYTHONPATH": str(REPOSITORY)}
    return {**kept, **mine, "IMGBUILD_SETTINGS": "none", "NO_PROXY": "127.0.0.1"}


def number(name: str, usual: int) -> int:
    """A number of the environment."""
    return int(os.environ.get(name, usual))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="bench-lock-", ignore_cleanup_errors=True) as place:
        home = Path(place)
        begun = time.perf_counter()
        world = make_world(number("SEED", 7), number("SIZE", 28_000))
        maker = Maker(world)
        ordered = sorted(world.projects, key=lambda one: one.name)
        counts = write_channel(
            home / "channel" / "conda-forge", ((one.name, maker.records(one)) for one in ordered)
        )
        size = sum(path.stat().st_size for path in home.rglob("repodata.json"))
        print(
            f"channel: {sum(counts.values()):,} records of {len(ordered):,} names ({counts}), repodata.json "
            f"{human_size(size)}, made in {time.perf_counter() - begun:.0f} s",
            flush=True,
        )
        asks = [world.ask(number("ASKS", 12), turn) for turn in range(number("RUNS", 5))]
        print(
            f"asked: {', '.join(str(sum(1 for _ in world.closure(asked))) for asked in asks)} packages are right"
        )
        cases = [Case(form, warm) for form in FORMS for warm in (False, True)]
        with served(home / "channel") as url:
            bench = Bench(world, url, home)
            bench.measure(Case("sharded", warm=False), asks[0])  # for the bytecode
            for case in cases:
                for asked in asks:
                    bench.measure(case, asked)
    columns = ["INDEX", "LOCKING", "SOLVING", "RATIO", "COMMAND", "RATTLER", "RATIO", "PEAK", "RATTLER'S"]
    print(table(columns, [case.row() for case in cases], color=False, width=110))
    failed = [case for case in cases if case.ratio > SLOWEST or case.peak >= LARGEST]
    print("too slow or too large" if failed else f"every lock is right; {SLOWEST} times and 1.5 GB hold")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
