"""A record that cannot be kept is told, and takes nothing from the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.progress import Event, Note
from builder.spec.project import Project
from builder.workflow import records
from builder.workflow.records import Record
from tests.support.fake_container import plan_of


def record(image: str = "sha256:1") -> Record:
    return Record(
        image="regression", tag="imgbuild/regression:latest", image_id=image, size=1, plan_digest="p",
        lock_digest="l", source="upstream", engine="20.10", finished="2026-01-01T00:00:00+00:00", build_seconds=1.0,
    )  # fmt: skip


def test_kept_and_read_again(tmp_path: Path) -> None:
    spec, project, told = plan_of(tmp_path).spec, Project(tmp_path, tmp_path), list[Event]()
    kept = records.keep(project, spec, record(), {"a/b/plot.png": b"png"}, told.append)
    assert kept.path == tmp_path / ".imgbuild" / spec.ref / "record.json"
    assert (kept.path.parent / "a/b/plot.png").read_bytes() == b"png"
    assert records.read(project, spec.ref) == record()
    assert told == []


@pytest.mark.parametrize("blocked", [".imgbuild", ".imgbuild/regression"])
def test_a_file_in_the_way(tmp_path: Path, blocked: str) -> None:
    spec, project, told = plan_of(tmp_path).spec, Project(tmp_path, tmp_path), list[Event]()
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("")
    kept = records.keep(project, spec, record(), {}, told.append)
    assert kept.path is None
    assert "could not be kept" in kept.trouble
    (note,) = told
    assert isinstance(note, Note)
    assert kept.trouble in note.text
    assert records.read(project, spec.ref) is None
