"""From a file that somebody has already to a proven image."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.workshop import Workshop

pytestmark = pytest.mark.engine

# As Windows exports it: a byte order mark, its line ends, a prefix, a line for Windows alone.
EXPORTED = (
    "\ufeffname: somebody\r\nchannels:\r\n  - conda-forge\r\ndependencies:\r\n  - python>=3.11\r\n"
    "  - pywin32  # [win]\r\nprefix: C:\\Users\\me\\miniconda3\\envs\\somebody\r\n"
)


def test_an_exported_environment_becomes_an_image(workshop: Workshop, engine: object, tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_bytes(EXPORTED.encode())
    made = workshop.run("init", "tiny", "--from", "environment.yml", cwd=tmp_path)
    assert made.code == 0, made.err
    # The kit holds the lock of an environment of this name that asks for the same.
    built = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json", cwd=tmp_path)
    assert built.code == 0, built.err
    (image,) = built.document["images"]
    assert {result["outcome"] for result in image["verdict"]["results"]} == {"passed"}
