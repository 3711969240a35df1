"""Other people's readers of conda-lock v1: python -m tests.support.lock_readers FILE... prints what they found.

conda-lock's own reader and renderer, rattler's (which pixi has), and a reader of YAML 1.2 as conda has one. They run in
a process of their own: their warnings are theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def read_by_others(files: Sequence[Path]) -> list[dict[str, Any]]:
    """For each file what `found` says of it."""
    argv = [sys.executable, "-m", "tests.support.lock_readers", *map(str, files)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def found(path: Path) -> dict[str, Any]:
    """Of one file, by reader."""
    return {"conda-lock": _conda_lock(path), "rattler": _rattler(path), "yaml": _yaml(path)}


def _conda_lock(path: Path) -> dict[str, Any]:
    from conda_lock.conda_lock import render_lockfile_for_platform
    from conda_lock.lockfile import parse_conda_lock_file

    lock = parse_conda_lock_file(path)
    return {
        "metadata": lock.metadata.model_dump(mode="json", exclude_none=True),
        "package": [one.model_dump(mode="json", exclude={"categories"}) for one in lock.package],
        "categories": sorted({category for one in lock.package for category in one.categories}),
        "explicit": {
            platform: render_lockfile_for_platform(
                lockfile=lock,
                include_dev_dependencies=False,
                extras=set(),
                kind="explicit",
                platform=platform,
            )
            for platform in lock.metadata.platforms
        },
    }


def _rattler(path: Path) -> dict[str, Any]:
    from rattler import LockFile

    environment = LockFile.from_path(path).default_environment()
    assert environment is not None
    return {
        str(platform): [
            [one.name, str(one.version), one.location, one.hashes.sha256.hex() if one.hashes else ""]
            for one in environment.packages(platform) or []
        ]
        for platform in environment.platforms()
    }


def _yaml(path: Path) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    print(json.dumps([found(Path(word)) for word in sys.argv[1:]]))
