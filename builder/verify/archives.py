"""What each file of an environment must be, as the archives of its lock say. The image itself is not asked.

conda replaces the prefix a package was built for, makes console scripts and compiles; uv makes console scripts and
writes RECORD anew. What they write is worked out here from the archive alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from builder.verify.tree import CHUNK, Kind

LONGEST_SHEBANG = 127  # characters that every Linux reads


class Expected(NamedTuple):
    """What one path must be. hashes: sha256 of the contents it may have; target: of a symbolic link; runs: whether its
    owner may execute it, None where that is not said; package: whose it is."""

    package: str
    kind: Kind = "file"
    hashes: frozenset[str] = frozenset()
    target: str = ""
    runs: bool | None = None


@dataclass
class Place:
    """Where an environment lies. minor: `3.11`, empty without a python."""

    name: str
    prefix: str
    minor: str

    @property
    def site(self) -> str:
        """Below the prefix."""
        return f"lib/python{self.minor or '3'}/site-packages"

    @property
    def pythons(self) -> tuple[str, ...]:
        """The interpreter by all its names: which of them a script is written for is the installer's own choice."""
        major = self.minor.partition(".")[0]
        names = dict.fromkeys(("python", f"python{major}", f"python{self.minor}"))
        return tuple(f"{self.prefix}/bin/{name}" for name in names)


@dataclass
class Held:
    """All that the archives of one environment say, by absolute path. scripted: packages that ran a script of their own
    when they were linked; dists: the folder of each Python distribution's metadata, by whose it is."""

    place: Place
    files: dict[str, Expected] = field(default_factory=dict)
    scripted: list[str] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, expected: Expected) -> None:
        """A later package may bring the same path: which of them wins is the linker's business."""
        full = f"{self.place.prefix}/{path}"
        before = self.files.get(full)
        if before is not None and before.kind == expected.kind == "file":
            expected = expected._replace(hashes=before.hashes | expected.hashes, runs=None)
        self.files[full] = expected


def sha256(data: bytes) -> str:
    """Hex sha256."""
    return hashlib.sha256(data).hexdigest()


def hashed(stream: IO[bytes]) -> str:
    """Hex sha256 of all that a stream has left."""
    digest = hashlib.sha256()
    while piece := stream.read(CHUNK):
        digest.update(piece)
    return digest.hexdigest()


def shebang(python: str) -> str:
    """The first lines of a script for an interpreter, as conda, pip and uv write them where its path is long."""
    if len(python) + 3 <= LONGEST_SHEBANG and " " not in python:
        return f"#!{python}\n"
    return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"


def any_of(texts: Iterable[str]) -> frozenset[str]:
    """The hashes of several spellings of one file."""
    return frozenset(sha256(text.encode()) for text in texts)


Archives = Mapping[str, Path]
"""Of a lock, by sha256, as `fetch` gives them."""
