"""An image's archive: one spelling of what engines save, and nothing else is taken."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from builder.errors import BuildError
from builder.store.archive import base_ref, check_archive, normalise
from tests.support.engine_base import tar_of

LAYERS = (tar_of({"etc/one": b"1" * 3000}), tar_of({"etc/.wh.one": b"", "etc/two": b"2"}))
CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "config": {"Env": ["A=b"]},
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(LAYERS[number]).hexdigest()}" for number in (0, 1, 0)],
        },
    }
).encode()
ID = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"


def plain(layer: bytes) -> bytes:
    return layer


def saved(
    pack: Callable[[bytes], bytes] = plain, *, links: bool = False, names: object = ("any:1",)
) -> bytes:
    """What an engine may save: its own names and order, packed layers, links for a layer that comes twice."""
    listing = [
        {"Config": "c.json", "RepoTags": names, "Layers": ["0/layer.tar", "1/layer.tar", "2/layer.tar"]}
    ]
    files = {f"{number}/layer.tar": pack(LAYERS[number % 2]) for number in (range(2) if links else range(3))}
    files |= {
        "c.json": CONFIG,
        "0/VERSION": b"1.0",
        "repositories": b"{}",
        "manifest.json": json.dumps(listing).encode(),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uid = len(data), 1_700_000_000, 1000
            tar.addfile(entry, io.BytesIO(data))
        if links:
            link = tarfile.TarInfo("2/layer.tar")
            link.type, link.linkname = tarfile.SYMTYPE, "../0/layer.tar"
            tar.addfile(link)
    return buffer.getvalue()


def spelled(data: bytes, folder: Path) -> bytes:
    target = folder / "base.tar"
    assert normalise(io.BytesIO(data), target, where="lab") == ID
    return target.read_bytes()


@pytest.mark.parametrize(
    "data",
    [
        saved(links=True),
        saved(names=None),
        saved(gzip.compress),
        saved(zstandard.compress),
    ],
    ids=["links", "no names", "gzip", "zstd"],
)
def test_every_engine_gives_the_same_bytes(data: bytes, tmp_path: Path) -> None:
    found = spelled(data, tmp_path)
    assert found == spelled(saved(), tmp_path)
    check_archive(tmp_path / "base.tar", ID)
    with tarfile.open(fileobj=io.BytesIO(found)) as tar:
        members = tar.getmembers()
        assert len(members) == 4  # the layer that comes twice lies there once
        assert {(one.mtime, one.uid, one.mode) for one in members} == {(0, 0, 0o644)}
        stream = tar.extractfile("manifest.json")
        assert stream is not None
        (row,) = json.load(stream)
    assert row["RepoTags"] == [base_ref(ID)]
    assert len(row["Layers"]) == 3


def changed(**changes: Any) -> bytes:
    """The one spelling with something changed in its list, its files or its order."""
    listing = [{
        "Config": f"{ID[7:]}.json",
        "RepoTags": [base_ref(ID)],
        "Layers": [f"{hashlib.sha256(LAYERS[number]).hexdigest()}.tar" for number in (0, 1, 0)],
    }]  # fmt: skip
    listing[0].update(changes.pop("listing", {}))
    files = {
        "manifest.json": json.dumps(listing * changes.pop("times", 1)).encode(),
        f"{ID[7:]}.json": CONFIG,
    }
    files |= {f"{hashlib.sha256(layer).hexdigest()}.tar": layer for layer in LAYERS}
    files |= changes.pop("files", {})
    return tar_of(files)


def test_the_one_spelling_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(changed())
    check_archive(tmp_path / "a.tar", ID)


@pytest.mark.parametrize(
    "data",
    [
        changed(listing={"RepoTags": ["docker.io/library/debian:12"]}),
        changed(listing={"RepoTags": [base_ref(ID), "docker.io/library/debian:12"]}),
        changed(listing={"RepoTags": None}),
        changed(listing={"Layers": ["../../etc/passwd"] * 3}),
        changed(listing={"Layers": []}),
        changed(listing={"Layers": 7}),
        changed(listing={"Config": "nothing.json"}),
        changed(times=2),
        changed(files={"repositories": b'{"debian":{"12":"x"}}'}),
        changed(files={f"{ID[7:]}.json": CONFIG.replace(b"A=b", b"A=c")}),
        changed(files={"manifest.json": b"[1]"}),
        changed(files={"manifest.json": b"no json"}),
        saved(),
        b"no tar",
        b"",
    ],
)
def test_any_other_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(BuildError, match="not the archive of one image"):
        check_archive(tmp_path / "a.tar", ID)


@pytest.mark.parametrize(
    "data",
    [
        saved(lambda layer: layer + b"\0" * 512),
        saved(lambda layer: gzip.compress(layer)[:-20]),
        saved(lambda layer: zstandard.compress(layer)[:-4] + b"\xff" * 4),
        saved()[: len(saved()) // 2],
        changed(times=2),
    ],
    ids=["other layer", "short gzip", "bad zstd", "short", "two images"],
)
def test_what_is_not_one_whole_image_is_not_spelled(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not the archive of one image"):
        normalise(io.BytesIO(data), tmp_path / "base.tar", where="lab")


def test_what_only_other_readers_of_tars_see_is_refused(tmp_path: Path) -> None:
    """Python takes a header that it cannot read for the end; Go and GNU tar read this one, and the name in it."""
    hidden = json.dumps([{"Config": f"{ID[7:]}.json", "RepoTags": ["debian:12"], "Layers": []}]).encode()
    header = bytearray(tarfile.TarInfo("manifest.json").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"%011o\0" % len(hidden)
    header[329] = 0x81  # devmajor, as a number in base 256 that is too long for Python
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    whole = changed()
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + last.size + -last.size % 512
    data = whole[:end] + bytes(header) + hidden + bytes(-len(hidden) % 512) + bytes(1024)
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(BuildError, match="not the archive"):
        check_archive(tmp_path / "a.tar", ID)


def test_a_list_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(changed(files={"manifest.json": b"[" * 200_000}))
    with pytest.raises(BuildError):
        check_archive(tmp_path / "a.tar", ID)
