"""A clock that is decades wrong, and files from the past and the future: the same image, proven, found again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.workshop import REPOSITORY, Workshop, project_at

pytestmark = pytest.mark.engine

# Found by Python when it starts: this process lives in another year.
WRONG = """
import datetime, time
_now, _real = time.time, datetime.datetime
_offset = {offset}
time.time = lambda: _now() + _offset
time.time_ns = lambda: int(time.time() * 1e9)
class _Shifted(_real):
    @classmethod
    def now(cls, tz=None):
        return _real.fromtimestamp(time.time(), tz)
datetime.datetime = _Shifted
"""
YEAR = 365 * 86400


@pytest.mark.parametrize(("years", "decade"), [(-30, "199"), (60, "208")], ids=["past", "future"])
def test_a_wrong_clock(years: int, decade: str, workshop: Workshop, engine: object, tmp_path: Path) -> None:
    kit = ("--kit", str(workshop.kit), "--json")
    assert workshop.run("build", "tiny", *kit).code == 0
    (tmp_path / "sitecustomize.py").write_text(WRONG.format(offset=years * YEAR))
    wrong = {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    (workshop.root / ".imgbuild" / "tiny" / "record.json").unlink()
    done = workshop.run("build", "tiny", *kit, env=wrong)
    assert done.code == 0, done.err
    (image,) = done.document["images"]
    assert image["finished"].startswith(decade), image["finished"]  # the clock really was wrong
    assert image["verdict"]["started"].startswith(decade)
    assert image["verdict"]["results"][0]["outcome"] == "passed"
    assert image["verdict"]["seconds"] < 600
    right = workshop.run("build", "tiny", *kit)
    assert right.code == 0, right.err
    assert right.document["images"][0]["image_id"] == image["image_id"]
    assert right.document["images"][0]["status"] == "unchanged"


@pytest.mark.parametrize("when", [1, 60 * YEAR + 1_700_000_000], ids=["1970", "future"])
def test_times_of_files_change_nothing(when: int, workshop: Workshop, engine: object, tmp_path: Path) -> None:
    first = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json")
    root = project_at(tmp_path / "project")
    kit = Path(shutil.copytree(workshop.kit, tmp_path / "kit", copy_function=shutil.copyfile))
    for path in (*root.rglob("*"), *kit.rglob("*")):
        os.utime(path, (when, when))
    again = workshop.run("build", "tiny", "--kit", str(kit), "--json", cwd=root)
    assert first.code == again.code == 0, first.err + again.err
    assert again.document["images"][0]["status"] == "unchanged"
    assert again.document["images"][0]["plan_digest"] == first.document["images"][0]["plan_digest"]
