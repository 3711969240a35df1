"""A channel of records without packages: repodata.json, the same compressed, and the sharded index of CEP 16."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgpack
import zstandard

from benchmarks.forge.records import Record

_SECTIONS = {".tar.bz2": "packages", ".conda": "packages.conda"}
_LEVEL = 3  # of compression


def write_channel(
    folder: Path, groups: Iterable[tuple[str, list[Record]]], subdirs: Iterable[str] = ("linux-64", "noarch")
) -> dict[str, int]:
    """Write the indices. groups: names in order, each with its records. Returns the number of records by subdir."""
    writers = {subdir: _Subdir(folder / subdir) for subdir in subdirs}
    for name, records in groups:
        for subdir, writer in writers.items():
            own = sorted((one.filename, one.data) for one in records if one.subdir == subdir)
            if own:
                writer.add(name, own)
    return {subdir: writer.finish() for subdir, writer in writers.items()}


class _Subdir:
    """One subdir; texts of the two sections go to files, so that memory holds one project at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "shards").mkdir(parents=True)
        self.parts = {section: folder / f".{section}" for section in _SECTIONS.values()}
        self.open = {section: path.open("w", encoding="utf-8") for section, path in self.parts.items()}
        self.shards: dict[str, bytes] = {}
        self.count = 0

    def add(self, name: str, files: list[tuple[str, dict[str, Any]]]) -> None:
        shard: dict[str, Any] = {section: {} for section in self.parts}
        for filename, data in files:
            section = _SECTIONS[".conda" if filename.endswith(".conda") else ".tar.bz2"]
            first = self.open[section].tell() == 0
            text = json.dumps(data, separators=(",", ":"))
            self.open[section].write(f"{'' if first else ','}\n{json.dumps(filename)}:{text}")
            shard[section][filename] = {
                **data, "md5": bytes.fromhex(data["md5"]), "sha256": bytes.fromhex(data["sha256"])
            }  # fmt: skip
        self.count += len(files)
        self.shards[name] = self._stored({**shard, "removed": []})

    def _stored(self, shard: Mapping[str, Any]) -> bytes:
        packed = zstandard.compress(msgpack.packb(shard), _LEVEL)
        digest = hashlib.sha256(packed)
        (self.folder / "shards" / f"{digest.hexdigest()}.msgpack.zst").write_bytes(packed)
        return digest.digest()

    def finish(self) -> int:
        for stream in self.open.values():
            stream.close()
        subdir, plain = self.folder.name, self.folder / "repodata.json"
        with plain.open("w", encoding="utf-8") as out:
            out.write(f'{{"info":{{"subdir":"{subdir}"}}')
            for section, path in self.parts.items():
                out.write(f',"{section}":{{')
                with path.open(encoding="utf-8") as part:
                    while block := part.read(1 << 22):
                        out.write(block)
                out.write("}")
                path.unlink()
            out.write(',"removed":[],"repodata_version":1}')
        with plain.open("rb") as source, (self.folder / "repodata.json.zst").open("wb") as target:
            zstandard.ZstdCompressor(_LEVEL, threads=-1).copy_stream(source, target)
        info = {"subdir": subdir, "base_url": "", "shards_base_url": "./shards/"}
        index = msgpack.packb({"info": info, "shards": self.shards})
        (self.folder / "repodata_shards.msgpack.zst").write_bytes(zstandard.compress(index, _LEVEL))
        return self.count
