"""Archives into and out of a container."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engine.archives import MOST, MOST_ENTRIES, kind_of, over_limit, pack, safe_name, unpack
from builder.errors import BuildError


def entries(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: entry for entry in tar}


def archive(*made: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry, data in made:
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def test_files_are_roots_and_read_only_and_directories_are_made() -> None:
    found = entries(pack({"a/b/c": b"1", "d": b""}, writable=["out", "deep/out"], uid=4321))
    assert list(found) == ["out", "deep", "deep/out", "a", "a/b", "a/b/c", "d"]
    assert {name: (item.uid, item.gid, item.mode) for name, item in found.items()} == {
        "out": (4321, 0, 0o755),
        "deep": (0, 0, 0o755),
        "deep/out": (4321, 0, 0o755),
        "a": (0, 0, 0o755),
        "a/b": (0, 0, 0o755),
        "a/b/c": (0, 0, 0o444),
        "d": (0, 0, 0o444),
    }


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a/.", "a//b", "a/", "a\n", "a\\b", "\udcff"])
def test_unsafe_names(name: str) -> None:
    assert not safe_name(name)
    with pytest.raises(ValueError, match="not a path below the volume"):
        pack({name: b""}, writable=(), uid=1)
    with pytest.raises(ValueError, match="not a path below the volume"):
        pack({}, writable=[name], uid=1)


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_what_goes_in_comes_out(content: bytes, size: int) -> None:
    data = pack({"top/a": content, "top/b/c": b"x"}, writable=["top/w"], uid=1)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert unpack(chunks, "here") == {"a": content, "b/c": b"x"}


def test_only_regular_files_with_safe_names_come_out() -> None:
    data = archive(
        (entry("out", tarfile.DIRTYPE), b""),
        (entry("out/good", size=2), b"ok"),
        (entry("out/link", tarfile.SYMTYPE, link="/etc/passwd"), b""),
        (entry("out/hard", tarfile.LNKTYPE, link="out/good"), b""),
        (entry("out/pipe", tarfile.FIFOTYPE), b""),
        (entry("out/null", tarfile.CHRTYPE), b""),
        (entry("out/../../up", size=1), b"x"),
        (entry("out//abs", size=1), b"x"),
        (entry("out/new\nline", size=1), b"x"),
    )
    assert unpack([data], "here") == {"good": b"ok"}


def test_the_archive_of_one_file_holds_it() -> None:
    assert unpack([archive((entry("a.txt", size=1), b"x"))], "here") == {"a.txt": b"x"}


def test_too_much_is_refused_before_it_is_held() -> None:
    seen = 0

    def chunks() -> object:
        nonlocal seen
        yield entry("out/big", size=MOST * 100).tobuf()
        while True:
            seen += 1
            yield bytes(1 << 20)

    with pytest.raises(BuildError, match="over 64 MiB"):
        unpack(chunks(), "here")  # type: ignore[arg-type]
    assert seen <= 65


@pytest.mark.parametrize("data", [b"junk" * 300, archive((entry("out/a", size=5000), b"x" * 5000))[:2000]])
def test_a_damaged_archive_is_a_build_error(data: bytes) -> None:
    with pytest.raises(BuildError, match="cannot be read"):
        unpack([data], "here")


def test_too_many_files_are_refused_and_not_all_noted() -> None:
    def chunks() -> object:
        while True:
            yield entry("out/" + "x" * 90).tobuf()

    with pytest.raises(BuildError, match=f"over {MOST_ENTRIES} files would come out"):
        unpack(chunks(), "here")  # type: ignore[arg-type]


def test_an_archive_is_measured_without_being_read_to_its_end() -> None:
    chunk = bytes(1 << 20)
    assert not over_limit([chunk] * (MOST >> 20))
    endless = iter(lambda: chunk, None)
    assert over_limit(endless)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [  # as Go writes them
        (0o644, "a regular file"),
        (1 << 31 | 0o755, "a directory"),
        (1 << 27 | 0o777, "a symbolic link"),
        (1 << 25 | 0o600, "a pipe"),
        (1 << 24 | 0o755, "a socket"),
        (1 << 26 | 0o600, "a device"),
        (1 << 26 | 1 << 21 | 0o600, "a device"),
        (1 << 23 | 0o755, "a regular file"),  # setuid
    ],
)
def test_the_engines_word_for_what_a_path_is(mode: int, kind: str) -> None:
    assert kind_of(mode) == kind
