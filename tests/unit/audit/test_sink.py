from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from builder.audit.sink import Sink, sink
from builder.errors import BuildError

ELF = b"\x7fELF" + bytes(100)


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_it_takes_what_an_audit_reads_and_nothing_else(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    for path, content in {
        "/usr/lib/a.so": ELF,
        "/usr/share/doc/a": b"text",
        "/etc/ld.so.conf.d/x.conf": b"/lib",
        "/e/conda-meta/a.json": b"{}",
        "/e/lib/python3.11/site-packages/a-1.dist-info/RECORD": b"",
        "/e/lib/python3.11/site-packages/torch/version.py": b"",
        "/etc/shadow": b"secret",
    }.items():
        sink.file(path, io.BytesIO(content))
    assert names(tmp_path) == {
        "usr/lib/a.so",
        "etc/ld.so.conf.d/x.conf",
        "e/conda-meta/a.json",
        "e/lib/python3.11/site-packages/a-1.dist-info/RECORD",
        "e/lib/python3.11/site-packages/torch/version.py",
    }
    assert (tmp_path / "usr/lib/a.so").read_bytes() == ELF


@pytest.mark.parametrize("path", ["/a/../../x.so", "../x.so", "/x\0.so"])
def test_names_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BuildError, match="leads out"):
        Sink(tmp_path).file(path, io.BytesIO(ELF))


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    sink = Sink(tmp_path / "root")
    sink.link("/lib", str(outside))
    sink.file("/lib/a.so", io.BytesIO(ELF))
    sink.finish()
    assert list(outside.iterdir()) == []
    assert (tmp_path / "root/lib/a.so").read_bytes() == ELF


def test_hard_links_of_what_was_taken(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    sink.file("/a.so", io.BytesIO(ELF))
    sink.same("/b/c.so", "/a.so")
    sink.same("/d.so", "/not-taken")
    assert names(tmp_path) == {"a.so", "b/c.so"}


def test_what_a_killed_command_left_goes_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path))
    left = tmp_path / "audit/read-left"
    (left / "opt").mkdir(parents=True)
    with sink() as first:
        assert not left.exists()
        with sink() as second:
            assert first.root.is_dir()
            assert second.root != first.root
    assert [path.name for path in (tmp_path / "audit").glob("read-*")] == []


class _Interrupted(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise KeyboardInterrupt


def test_nothing_stays_after_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), sink() as target:
        target.file("/a.so", _Interrupted())
    assert list((tmp_path / "audit").glob("read-*")) == []


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path))
    with pytest.raises(BuildError, match="no space left"), sink():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list((tmp_path / "audit").glob("read-*")) == []
