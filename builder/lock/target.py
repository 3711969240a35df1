"""The machine that wheels are chosen for: a Python, an architecture, a glibc."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from builder.spec.model import Platform

_ARCH: dict[str, str] = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_LEGACY = {17: "2014", 12: "2010", 5: "1"}  # PEP 600: what the old manylinux names stand for
_OLDEST = {"x86_64": 5, "aarch64": 17}
_UV_KNOWS = (17, 28, *range(31, 41))  # glibc minors that uv has a platform name for


@dataclass(frozen=True, slots=True)
class Target:
    """python: full version, `3.11.2`. glibc: `2.36`. free_threaded: an interpreter as `3.14t`."""

    python: str
    platform: Platform
    glibc: str
    free_threaded: bool = False

    def __str__(self) -> str:
        return f"{self.platform}, Python {self.python} and glibc {self.glibc}"

    @property
    def uv_platform(self) -> str:
        """uv's name of the newest manylinux that this machine can run: `x86_64-manylinux_2_36`."""
        minor = max((known for known in _UV_KNOWS if known <= self._glibc_minor), default=_UV_KNOWS[0])
        return f"{_ARCH[self.platform]}-manylinux_2_{minor}"

    def tags(self) -> dict[Tag, int]:
        """Every tag this machine takes, with its rank; the lowest is the best."""
        minor = tuple(int(part) for part in self.python.split(".")[:2])
        interpreter = f"cp{minor[0]}{minor[1]}"
        abi = f"{interpreter}t" if self.free_threaded else interpreter
        platforms = self._platforms()
        ordered = [
            *cpython_tags(minor, abis=[abi], platforms=platforms),
            *compatible_tags(minor, interpreter=interpreter, platforms=platforms),
        ]
        return {tag: rank for rank, tag in reversed(list(enumerate(ordered)))}

    def best(self, filenames: Iterable[str]) -> str | None:
        """The wheel that suits best, by its tags and then its build number; None where none does."""
        ranks = self.tags()
        fitting = []
        for filename in filenames:
            try:
                _, _, build, tags = parse_wheel_filename(filename)
            except InvalidWheelFilename:
                continue
            rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
            if rank is not None:
                number, suffix = build or (0, "")
                fitting.append((rank, -number, suffix, filename))
        return min(fitting)[3] if fitting else None

    @property
    def _glibc_minor(self) -> int:
        return int(self.glibc.split(".")[1])

    def _platforms(self) -> list[str]:
        arch = _ARCH[self.platform]
        found = []
        for minor in range(self._glibc_minor, _OLDEST[arch] - 1, -1):
            found.append(f"manylinux_2_{minor}_{arch}")
            if minor in _LEGACY:
                found.append(f"manylinux{_LEGACY[minor]}_{arch}")
        return [*found, f"linux_{arch}"]
