"""The records of one project, as an index holds them, and which of them is the right one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from benchmarks.forge import names
from benchmarks.forge.world import PYTHON, PYTHONS, Project, World

_LINE = PYTHONS.index(PYTHON)
_START, _END = 1_460_000_000, 1_760_000_000  # seconds since 1970: when conda-forge began, and now
_LICENSES = ["MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-or-later", "LGPL-2.1-or-later", "MPL-2.0", "ISC"]


@dataclass(frozen=True, slots=True)
class Record:
    """One package file. version: its place in the history. line: the python it was built for, or empty."""

    subdir: str
    filename: str
    version: int
    data: dict[str, Any]
    line: str = ""
    cuda: bool = False


@dataclass(frozen=True)
class Maker:
    """Makes records. label: the channel's, part of every hash, so that two channels share no file."""

    world: World
    label: str = "forge"

    def records(self, project: Project, until: int | None = None) -> list[Record]:
        """All records; until: up to this place in the history."""
        own = _Own(self, project, Random(f"{self.world.seed}:{project.name}"))
        made = [record for version in range(len(project.versions)) for record in own.of(version)]
        return [record for record in made if until is None or record.version <= until]

    def right(self, project: Project, version: int, *, cuda: bool = False) -> Record:
        """The record that a lock must name: for the python asked for, with CUDA where it is, the newest build."""
        fitting = [
            record
            for record in self.records(project)
            if record.version == version and record.line in {"", PYTHON} and (cuda or not record.cuda)
        ]
        return max(fitting, key=lambda one: (one.data["build_number"], one.filename.endswith(".conda")))


@dataclass(frozen=True)
class _Own:
    """One project's records in the making; random is drawn from in a fixed order."""

    maker: Maker
    project: Project
    random: Random

    @cached_property
    def _moved(self) -> int:
        """Versions below it were built for each python, before the project became noarch."""
        some = self.project.kind == "pure" and self.random.random() < 0.1
        return min(len(self.project.versions) // 3, self.project.steady) if some else 0

    def of(self, version: int) -> Iterator[Record]:
        project = self.project
        spoilt = self._spoil(version) if version > project.answer else ""
        needs = [self._need(place, version) for place in project.needed(version)]
        data = {"depends": needs, "constrains": []}
        if spoilt:
            self._add_spoilt(data, spoilt)
        if project.name in _CORE:
            yield from _CORE[project.name](self, version, data)
        elif project.kind == "compiled" or version < self._moved:
            yield from self._per_python(version, data, spoilt)
        else:
            yield from self._plain(version, data, spoilt)

    def _plain(self, version: int, data: dict[str, Any], spoilt: str) -> Iterator[Record]:
        noarch = self.project.kind == "pure"
        depends = [*data["depends"]]
        if noarch:
            least = _LINE + 1 if spoilt == "python" else self.random.randrange(_LINE)
            depends = ["python >=" + PYTHONS[least] if one == "python" else one for one in depends]
        for number in range(self.random.choice([1, 1, 1, 2, 3])):
            build = f"pyhd8ed1ab_{number}" if noarch else f"{self._stem('h')}_{number}"
            yield from self._files(version, build, number, {**data, "depends": depends})

    def _per_python(self, version: int, data: dict[str, Any], spoilt: str) -> Iterator[Record]:
        for line in self._window(version, spoilt):
            number, minor = PYTHONS.index(line), int(line.split(".")[1])
            tag = f"py3{minor}"
            plain = [one for one in data["depends"] if one.split()[0] not in {"python", "python_abi"}]
            pins = [f"python >={line},<3.{minor + 1}.0a0", f"python_abi {line}.* *_cp3{minor}"]
            depends = sorted([*plain, *pins])
            builds = [0, 1] if self.random.random() < 0.35 else [0]
            for build in builds:
                name = f"{'cpu_' if self.project.gpu else ''}{tag}{self._stem('h')}_{build}"
                yield from self._files(version, name, build, {**data, "depends": depends}, PYTHONS[number])
            if self.project.gpu:
                more = {**data, "depends": [*depends, "__cuda >=12"]}
                name = f"cuda126_{tag}{self._stem('h')}_200"
                yield from self._files(version, name, 200, more, PYTHONS[number], cuda=True)

    def _window(self, version: int, spoilt: str) -> Sequence[str]:
        if spoilt == "python":
            return PYTHONS[_LINE + 1 :]
        if version in {self.project.steady, self.project.answer}:
            start = self.random.randrange(_LINE - 3, _LINE + 1)
        else:
            start = min(len(PYTHONS) - 4, int(len(PYTHONS) * version / len(self.project.versions)))
        return PYTHONS[start : start + 4]

    def _stem(self, letter: str) -> str:
        return f"{letter}{self.random.getrandbits(28):07x}"

    def _need(self, place: int, version: int) -> str:
        """One line of `depends`: the right versions take all right versions; the others what was there then."""
        other, own = self.maker.world.projects[place], self.project
        if other.name in {"python", "python_abi"}:
            return other.name
        if version in {own.answer, own.steady} or version > own.answer:
            lowest = max(0, other.steady - self.random.randrange(1, 9))
            newest = other.versions[other.answer]
        else:
            then = int(len(other.versions) * version / len(own.versions))
            lowest, newest = max(0, then - self.random.randrange(1, 5)), other.versions[then]
        form = self.random.choice(["{0}", "{0} >={1}", "{0} >={1}", "{0} >={1},<{2}", "{0} >={1},<{2}"])
        return form.format(other.name, other.versions[lowest], names.after(newest))

    def _spoil(self, version: int) -> str:
        del version
        ways = ["glibc", "missing"]
        if self.project.kind in {"compiled", "pure"}:
            ways += ["python", "python", "numpy"]
        if self.project.kind != "core":
            ways += ["constrains", "chain", "chain"]
        return self.random.choice(ways)

    def _add_spoilt(self, data: dict[str, Any], way: str) -> None:
        """Make it impossible, whatever else is taken."""
        newer = [
            other
            for need in self.project.needs
            if (other := self.maker.world.projects[need.place]).answer + 1 < len(other.versions)
            and other.name not in {"python", "python_abi"}
        ]
        if way == "chain" and not newer:
            way = "missing"
        if way == "constrains":
            data["constrains"] = [f"python >={PYTHONS[_LINE + 1]}"]
        elif way == "chain":
            other = self.random.choice(newer)
            data["depends"].append(f"{other.name} >={other.versions[other.answer + 1]}")
        elif way != "python":
            data["depends"].append(
                {
                    "glibc": "__glibc >=2.39,<3.0.a0",
                    "missing": f"{self.project.name}-never-made >=1.0",
                    "numpy": "numpy >=2.0,<3",
                }[way]
            )

    def _files(
        self,
        version: int,
        build: str,
        number: int,
        data: dict[str, Any],
        line: str = "",
        *,
        cuda: bool = False,
    ) -> Iterator[Record]:
        """A build as one file: .tar.bz2 in the first years, .conda later, some of them as both."""
        project = self.project
        stem = f"{project.name}-{project.versions[version]}-{build}"
        age = version / len(project.versions)
        noarch = project.kind == "pure" and not line
        both = self.random.random() < 0.02
        endings = [".tar.bz2"] if age < 0.3 and version < project.steady else [".conda"]
        for ending in [".tar.bz2", ".conda"] if both else endings:
            subdir = "noarch" if noarch else "linux-64"
            filled = self._filled(f"{subdir}/{stem}{ending}", version, build, number, data, noarch=noarch)
            yield Record(subdir, f"{stem}{ending}", version, filled, line, cuda)

    def _filled(
        self, path: str, version: int, build: str, number: int, data: dict[str, Any], *, noarch: bool
    ) -> dict[str, Any]:
        text = f"{self.maker.label}/{path}".encode()
        when = _START + int((_END - _START) * (version + self.random.random()) / len(self.project.versions))
        return {
            "build": build,
            "build_number": number,
            **({"constrains": data["constrains"]} if data["constrains"] else {}),
            "depends": data["depends"],
            "license": self.random.choice(_LICENSES),
            "license_family": "OTHER",
            "md5": hashlib.md5(text, usedforsecurity=False).hexdigest(),
            "name": self.project.name,
            **({"noarch": "python"} if noarch else {}),
            "sha256": hashlib.sha256(text).hexdigest(),
            "size": int(self.random.lognormvariate(12, 2)) + 500,
            "subdir": path.split("/", 1)[0],
            "timestamp": when * 1000,
            "version": self.project.versions[version],
        }


def _glibc(own: _Own, version: int, data: dict[str, Any]) -> Iterator[Record]:
    with_floor = {**data, "depends": [*data["depends"], "__glibc >=2.17,<3.0.a0"]}
    for number in range(2):
        yield from own._files(version, f"{own._stem('h')}_{number}", number, with_floor)  # noqa: SLF001


def _python(own: _Own, version: int, data: dict[str, Any]) -> Iterator[Record]:
    line = own.project.versions[version].rpartition(".")[0]
    needs = ["python_abi " + line + ".* *_cp" + line.replace(".", "") if one == "python_abi" else one
             for one in data["depends"]]  # fmt: skip
    for number in range(2):
        build = f"{own._stem('h')}_{number}_cpython"  # noqa: SLF001
        yield from own._files(version, build, number, {**data, "depends": needs})  # noqa: SLF001


def _abi(own: _Own, version: int, _data: dict[str, Any]) -> Iterator[Record]:
    line = own.project.versions[version]
    for number in range(8):
        data = {"depends": [], "constrains": [f"python {line}.* *_cpython"]}
        yield from own._files(version, f"{number}_cp{line.replace('.', '')}", number, data)  # noqa: SLF001


def _numpy(own: _Own, version: int, data: dict[str, Any]) -> Iterator[Record]:
    yield from own._per_python(version, data, "")  # noqa: SLF001


_CORE: dict[str, Callable[[_Own, int, dict[str, Any]], Iterator[Record]]] = {
    "libgcc": _glibc, "openssl": _glibc, "python": _python, "python_abi": _abi, "numpy": _numpy,
}  # fmt: skip
