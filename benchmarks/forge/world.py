"""A made-up conda-forge whose right answers are known before any solver sees it.

Every project has one version, its answer, that fits the answers of all others; everything newer is spoilt: it needs
another python or numpy than those asked for, a glibc that the base does not have, a package that nobody made, or
something else that is spoilt. So whatever is asked for together with PINS, the best lock takes every project at its
answer: nothing newer is in any solution, and the answers are one. A second version, `steady`, fits just as well; a
channel that ends there has a known answer too, alone or with strict priority above another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.forge import names

PYTHON = "3.11"
PINS = (f"python={PYTHON}", "numpy=1")
PYTHONS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
_LINE = PYTHONS.index(PYTHON)
_SHARES = {"library": 0.15, "compiled": 0.14, "r": 0.09, "pure": 0.62}
_LONGEST = {"library": 120, "compiled": 60, "r": 12, "pure": 400}  # versions
_USUAL = {"library": 5.0, "compiled": 2.6, "r": 2.5, "pure": 4.0}  # median of the versions


@dataclass(frozen=True, slots=True)
class Need:
    """That a project needs another (its place in the world) from one of its versions on, until another."""

    place: int
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Project:
    """steady <= answer are places in versions, which has the oldest first. gpu: it has builds for CUDA as well."""

    name: str
    kind: str
    versions: tuple[str, ...]
    answer: int
    steady: int
    needs: tuple[Need, ...]
    gpu: bool = False

    def needed(self, version: int) -> Iterator[int]:
        """Places of the projects that a version needs."""
        return (need.place for need in self.needs if need.since <= version < need.until)


@dataclass(frozen=True)
class World:
    """projects: each needs only those before it; python_abi, python and numpy are among the first."""

    seed: int
    projects: tuple[Project, ...]

    def closure(
        self, asked: Iterable[str], held: Collection[str] = frozenset()
    ) -> Iterator[tuple[Project, int]]:
        """Everything that asking for these names and PINS brings, each at its right version; held: at steady."""
        by_name = {project.name: place for place, project in enumerate(self.projects)}
        waiting, seen = [by_name[name] for name in (*asked, "python", "numpy")], set()
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            project = self.projects[place]
            version = project.steady if project.name in held else project.answer
            yield project, version
            waiting += project.needed(version)

    def ask(self, count: int, number: int = 0) -> tuple[str, ...]:
        """Some names to ask for, others for another number: popular ones and such as hardly anybody knows."""
        random = Random(f"{self.seed}:ask:{number}")
        some = [one.name for one in self.projects if one.kind != "core"]
        return tuple(sorted({some[int(len(some) * random.random() ** 2)] for _ in range(count)}))


def make_world(seed: int, size: int) -> World:
    """A world of so many projects; conda-forge has about 28,000 on linux-64 and noarch."""
    random = Random(seed)
    projects = list(_core(random))
    taken = {project.name for project in projects}
    pools: dict[str, list[int]] = {"library": [0, 1], "python": [4], "r": []}
    for kind in _kinds(random, size - len(projects)):
        name = names.name(random, kind)
        while name in taken:
            name = names.name(random, kind)
        taken.add(name)
        projects.append(_project(random, name, kind, pools))
        pools[_pool(kind)].append(len(projects) - 1)
    return World(seed, tuple(projects))


def _core(random: Random) -> Iterator[Project]:
    """What the pins are about, and what is below them."""
    always = 10**6
    yield Project("libgcc", "core", ("9.5.0", "11.4.0", "13.3.0", "15.1.0"), 3, 2, ())
    yield Project(
        "openssl", "core", ("1.1.1w", "3.0.15", "3.3.2", "3.5.0", "4.0.0"), 3, 2, (Need(0, 0, always),)
    )
    abis = tuple(PYTHONS)
    yield Project("python_abi", "core", abis, _LINE, _LINE, ())
    minors = tuple(f"{line}.{patch}" for line in PYTHONS for patch in range(12))
    last = minors.index(f"{PYTHON}.{random.randrange(8, 11)}")
    yield Project("python", "core", minors, last, last, (Need(0, 0, always), Need(1, 0, always)))
    numpy = (
        *(f"1.{minor}.{patch}" for minor in range(17, 27) for patch in range(4)),
        "2.0.2",
        "2.2.6",
        "2.4.0",
    )
    place = numpy.index("1.26.2")
    yield Project("numpy", "core", numpy, place, place, tuple(Need(one, 0, always) for one in (0, 2, 3)))


def _kinds(random: Random, size: int) -> list[str]:
    return random.choices(list(_SHARES), weights=list(_SHARES.values()), k=size)


def _pool(kind: str) -> str:
    return "python" if kind in {"compiled", "pure"} else kind


def _project(random: Random, name: str, kind: str, pools: Mapping[str, Sequence[int]]) -> Project:
    length = min(_LONGEST[kind], max(1, round(_USUAL[kind] * random.lognormvariate(0, 1.1))))
    history = names.versions(random, length)
    spoilt = (
        random.choice([0, 0, 1, 1, 2, 5]) if length > 6 else random.choice([0, 0, 0, 1]) if length > 1 else 0
    )
    answer = length - 1 - spoilt
    steady = max(0, answer - random.randrange(1 + answer // 3))
    needs = {place: Need(place, 0, length) for place in _base_needs(kind)}
    for place in _wanted(random, kind, pools):
        since = 0 if random.random() < 0.6 else random.randrange(length)
        until = length if random.random() < 0.85 else random.randrange(since, length) + 1
        needs.setdefault(place, Need(place, since, until))
    gpu = kind == "compiled" and random.random() < 0.03
    return Project(name, kind, history, answer, steady, tuple(needs.values()), gpu)


def _base_needs(kind: str) -> tuple[int, ...]:
    return {"library": (0,), "compiled": (0, 2, 3), "pure": (3,), "r": (0,)}[kind]


def _wanted(random: Random, kind: str, pools: Mapping[str, Sequence[int]]) -> Iterator[int]:
    """Few are wanted by very many, most by hardly anybody."""
    counts = {
        "library": {"library": (0, 4)},
        "compiled": {"library": (0, 4), "python": (1, 4)},
        "pure": {"python": (0, 7)},
        "r": {"library": (0, 1), "r": (0, 6)},
    }
    for pool, (least, most) in counts[kind].items():
        for _ in range(random.randint(least, most) if pools[pool] else 0):
            yield pools[pool][int(len(pools[pool]) * random.random() ** 4)]
