"""Channels of random packages, written as an index only: enough to solve against, and made in a moment."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path

NAMES = ("apple", "brick", "cloud", "dune", "ember", "fern", "grove", "haze", "iris", "jade", "python")
VERSIONS = ("1.0", "1.5", "2.0", "2.3", "3.1")
VIRTUAL = ("__cuda >=12", "__glibc >=2.17", "__glibc >=2.39", "__archspec 1 x86_64_v4", "__win")


def write_index(channel: Path, records: Sequence[dict[str, object]]) -> None:
    """Write repodata.json for linux-64 (and an empty noarch)."""
    packages = {f"{one['name']}-{one['version']}-{one['build']}.conda": one for one in records}
    for subdir, held in (("linux-64", packages), ("noarch", {})):
        folder = channel / subdir
        folder.mkdir(parents=True, exist_ok=True)
        document = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": held, "repodata_version": 1}
        (folder / "repodata.json").write_text(json.dumps(document), encoding="utf-8")


def record(
    name: str, version: str, build: str, depends: Sequence[str], constrains: Sequence[str] = ()
) -> dict[str, object]:
    text = f"{name}-{version}-{build}"
    return {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "constrains": list(constrains),
        "subdir": "linux-64",
        "size": 1,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "md5": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
    }


def random_records(rng: random.Random) -> list[dict[str, object]]:
    found = []
    for name in NAMES:
        for version in rng.sample(VERSIONS, rng.randint(1, 4)):
            for build in rng.sample(("0", "1", "cuda_0"), rng.randint(1, 2)):
                needs = [random_spec(rng, " ") for _ in range(rng.choice((0, 1, 1, 2, 3)))]
                needs += [rng.choice(VIRTUAL)] if rng.random() < 0.12 else []
                limits = [random_spec(rng, " ")] if rng.random() < 0.15 else []
                found.append(record(name, version, build, needs, limits))
    return found


def random_spec(rng: random.Random, blank: str = "") -> str:
    """A spec about a name that is most often there; blank stands between name and version."""
    name = rng.choice((*NAMES, *NAMES, "nowhere"))
    version = rng.choice(VERSIONS)
    forms = ("", f"{blank}>={version}", f"{blank}<{version}", f"{blank}=={version}", f"{blank}>={version},<9")
    return name + rng.choice(forms)


def random_request(rng: random.Random) -> tuple[str, ...]:
    return tuple(dict.fromkeys(random_spec(rng) for _ in range(rng.randint(1, 7))))
