"""Writing a conda package."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from conda_package_streaming.extract import extract

from builder.errors import BuildError
from builder.store.bootstrap.package import Entry, Head, check_path, write_package

HEAD = Head("sample", "1", "0", "linux-64")


def test_links_are_described_by_the_file_they_lead_to(tmp_path: Path) -> None:
    entries = [Entry("bin/python3.11", b"program", 0o755), Entry("bin/python", link="python3.11")]
    extract(str(write_package(tmp_path, HEAD, entries)), str(tmp_path / "x"))
    rows = {row["_path"]: row for row in json.loads((tmp_path / "x/info/paths.json").read_text())["paths"]}
    assert rows["bin/python"]["path_type"] == "softlink"
    assert rows["bin/python"]["sha256"] == rows["bin/python3.11"]["sha256"]
    assert (tmp_path / "x/bin/python").readlink() == Path("python3.11")


def test_the_bytes_do_not_depend_on_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_package(tmp_path, HEAD, [Entry("a", b"1"), Entry("b", b"2")]).read_bytes()
    later = time.localtime(2_000_000_000)
    monkeypatch.setattr(time, "localtime", lambda *_: later)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert write_package(tmp_path, HEAD, [Entry("b", b"2"), Entry("a", b"1")]).read_bytes() == first


@pytest.mark.parametrize("path", ["../x", "/x", "a/../b", "a//b", "", "a/./b", "a\nb", "a\x1b[0m", "a\\b"])
def test_paths_stay_inside(path: str) -> None:
    with pytest.raises(BuildError):
        check_path(path)


def test_a_file_cannot_pretend_to_be_metadata(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        write_package(tmp_path, HEAD, [Entry("info/index.json", b"{}")])
