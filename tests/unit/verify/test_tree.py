"""Layers as streams, laid over each other as a container sees them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence

import pytest

from builder.errors import BuildError
from builder.verify.saved import checked, read_saved
from builder.verify.tree import Layer, read_layer, stack


def tar(*members: tuple[str, str, bytes | str]) -> bytes:
    """(kind, name, content or link target) of each."""
    buffer = io.BytesIO()
    kinds = {
        "file": tarfile.REGTYPE,
        "folder": tarfile.DIRTYPE,
        "link": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
    }
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for kind, name, content in members:
            entry = tarfile.TarInfo(name)
            entry.type = kinds[kind]
            data = content if isinstance(content, bytes) else b""
            entry.size = len(data)
            entry.linkname = content if isinstance(content, str) else ""
            made.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def layer(*members: tuple[str, str, bytes | str], keep: Sequence[str] = ()) -> Layer:
    return read_layer(io.BytesIO(tar(*members)), lambda path: path in keep, "test")


def test_a_layer_knows_its_files_and_its_own_hash() -> None:
    data = tar(
        ("folder", "a", ""), ("file", "a/one", b"1"), ("link", "two", "a/one"), ("hard", "three", "a/one")
    )
    found = read_layer(io.BytesIO(data), lambda path: path == "/a/one", "test")
    assert found.diff_id == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert found.entries["/a/one"].sha256 == hashlib.sha256(b"1").hexdigest()
    assert found.entries["/three"].sha256 == found.entries["/a/one"].sha256
    assert found.entries["/two"].target == "a/one"
    assert found.kept == {"/a/one": b"1", "/three": b"1"}


def test_upper_layers_win_and_whiteouts_take_away() -> None:
    lower = layer(
        ("file", "a/one", b"1"), ("file", "a/two", b"2"), ("file", "b/one", b"1"), ("file", "c", b"c")
    )
    upper = layer(
        ("file", "a/.wh.one", b""),
        ("file", "b/.wh..wh..opq", b""),
        ("file", "b/new", b"n"),
        ("file", "c", b"C"),
    )
    tree = stack([lower, upper])
    assert set(tree.entries) == {"/a/two", "/b/new", "/c"}
    assert tree.entries["/c"].layer == 1
    assert tree.entries["/a/two"].layer == 0


def test_a_file_in_place_of_a_folder_takes_what_was_below_it() -> None:
    tree = stack([layer(("folder", "a", ""), ("file", "a/one", b"1")), layer(("file", "a", b"file"))])
    assert set(tree.entries) == {"/a"}


def test_a_folder_in_place_of_a_link_takes_the_link() -> None:
    tree = stack([layer(("link", "lib", "usr/lib")), layer(("file", "lib/evil.so", b"x"))])
    assert set(tree.entries) == {"/lib/evil.so"}


def test_a_hard_link_into_a_lower_layer_is_that_file() -> None:
    tree = stack([layer(("file", "a", b"1")), layer(("hard", "b", "a"))])
    assert tree.entries["/b"].sha256 == hashlib.sha256(b"1").hexdigest()


def test_content_that_is_replaced_is_not_kept() -> None:
    tree = stack([layer(("file", "a", b"1"), keep=["/a"]), layer(("file", "a", b"2"), keep=["/a"])])
    assert tree.kept == {"/a": b"2"}
    assert stack([layer(("file", "a", b"1"), keep=["/a"]), layer(("file", ".wh.a", b""))]).kept == {}


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(BuildError, match="leads out"):
        layer(("file", name, b"x"))


def test_a_layer_that_breaks_off_is_refused() -> None:
    data = tar(("file", "a", b"x" * 4096))
    with pytest.raises(BuildError, match="cannot be read"):
        read_layer(io.BytesIO(data[:1500]), lambda _path: False, "test")


def saved(layers: Sequence[bytes], *, packed: bool = False, diff_ids: Sequence[str] | None = None) -> bytes:
    ids = [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers]
    config = json.dumps({"config": {}, "rootfs": {"diff_ids": list(diff_ids or ids)}}).encode()
    members: list[tuple[str, str, bytes | str]] = []
    names = []
    for number, data in enumerate(layers):
        if packed:
            blob = gzip.compress(data)
            names.append(f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}")
            members.append(("file", names[-1], blob))
        else:
            names.append(f"{number}/layer.tar")
            members.append(("file", names[-1], data))
    head = f"blobs/sha256/{'c' * 64}" if packed else "config.json"
    listing = json.dumps([{"Config": head, "Layers": names}]).encode()
    return tar(*members, ("file", head, config), ("file", "manifest.json", listing))


@pytest.mark.parametrize("packed", [False, True], ids=["by folders", "as OCI blobs"])
def test_what_engines_save_is_read_however_they_spell_it(packed: bool) -> None:
    layers = [tar(("file", "a", b"1")), tar(("file", "b", b"2"))]
    found = checked(read_saved([saved(layers, packed=packed)], lambda _path: False, "test"), "test")
    assert set(stack(found.layers).entries) == {"/a", "/b"}


def test_a_layer_that_is_not_the_configurations_is_refused() -> None:
    data = saved([tar(("file", "a", b"1"))], diff_ids=["sha256:" + "0" * 64])
    with pytest.raises(BuildError, match="not those that its configuration names"):
        checked(read_saved([data], lambda _path: False, "test"), "test")


def test_an_archive_without_a_list_is_refused() -> None:
    with pytest.raises(BuildError, match="cannot be read"):
        read_saved([tar(("file", "x", b"1"))], lambda _path: False, "test")
