"""Tags that nobody moves, documents that are not put in the place of a device, and verdicts about a part."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from builder.errors import UsageError
from builder.publish.tags import checked_tag
from builder.smoke.verdict import TestResult, Verdict
from builder.workflow.sboms import keep_as

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "tag",
    [f"imgbuild-{HEX}", f"sha256-{HEX}", f"sha256-{HEX}.sig", f"sha512-{HEX}", "a/b", "", "-x", "x" * 129],
)
def test_tags_that_nobody_moves(tag: str) -> None:
    with pytest.raises(UsageError):
        checked_tag(tag, "--tag")


@pytest.mark.parametrize("tag", ["latest", "1.4", "sha256-me", "imgbuilder", "x" * 128])
def test_tags_that_are_the_users(tag: str) -> None:
    assert checked_tag(tag, "--tag") == tag


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "target").write_text("old")
    keep_as(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_pipe_stays_and_is_written_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    keep_as(tmp_path / "pipe", b"through")
    reader.join(10)
    assert read == [b"through"]
    assert (tmp_path / "pipe").is_fifo()


def verdict(**fields: object) -> Verdict:
    result = TestResult(name="python", environment="one", outcome="passed", seconds=0.1, tier=1)
    base = Verdict(
        image="one", image_id="sha256:1", plan_digest="2", source="upstream", stand_in=False, engine="docker",
        started="now", seconds=0.1, results=(result,),
    )  # fmt: skip
    return base.model_copy(update=fields)


def test_a_part_is_not_the_whole() -> None:
    assert verdict().whole
    part = verdict(not_proven={"cpu": "only python was run"})
    assert part.passed
    assert not part.whole
    assert verdict(not_proven={"gpu": "no test asks for one"}).whole
