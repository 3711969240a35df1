"""A conda channel of packages on disk: subdirectories, each with its repodata.json."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from builder.errors import BuildError


def index(channel: Path, subdir: str) -> int:
    """Write repodata.json for the platform's subdirectory and noarch; returns how many packages there are.

    Raises BuildError when a package did not get into the index with both hashes.
    """
    from rattler.index import index_fs  # noqa: PLC0415  (only a bootstrap needs it)

    for name in (subdir, "noarch"):
        (channel / name).mkdir(parents=True, exist_ok=True)
    asyncio.run(index_fs(channel, write_zst=False, write_shards=False, force=True))
    shutil.rmtree(channel / ".tmp", ignore_errors=True)  # the indexer's own
    return sum(_check(channel / name) for name in (subdir, "noarch"))


def _check(folder: Path) -> int:
    document = folder / "repodata.json"
    data = json.loads(document.read_text())
    rows = data["packages.conda"]
    for row in rows.values():
        row.pop("indexed_timestamp", None)  # the time of day: the same packages are the same channel
    document.write_text(json.dumps(data, sort_keys=True, separators=(",", ":")))
    files = {path.name for path in folder.glob("*.conda")}
    known = {name for name, row in rows.items() if row.get("md5") and row.get("sha256")}
    if files != known:
        lost = ", ".join(sorted(files ^ known))
        raise BuildError(f"the channel's index is not complete: {lost}", where=folder.name, fix="report this")
    return len(files)


def newest(folder: Path, name: str) -> Path:
    """The package of that name; of several versions the newest."""
    from packaging.version import Version  # noqa: PLC0415

    found = {}
    for path in folder.glob(f"*/{name}-*.conda"):
        stem, version, _build = path.name.rsplit("-", 2)
        if stem == name:
            found[Version(version)] = path
    return found[max(found)]
