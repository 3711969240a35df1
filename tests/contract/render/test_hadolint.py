"""Every kind of page passes hadolint, with the rules of .hadolint.yaml."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from builder import proc
from builder.plan import group_packages
from builder.render.page import render
from builder.shipped import shipped_dir
from tests.support.render_samples import SHAPES, sample

ROOT = Path(__file__).parents[3]
HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"


def lint(page: Path) -> proc.Finished:
    return proc.run([HADOLINT, "--config", ROOT / ".hadolint.yaml", "--no-color", page], check=False)


@pytest.mark.parametrize("plain_mounts", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_pages_pass(shape: str, plain_mounts: bool, tmp_path: Path) -> None:
    spec, lock = sample(shape, tmp_path)
    rendered = render(
        spec, lock, group_packages(lock), templates=shipped_dir("dockerfiles"), plain_mounts=plain_mounts
    )
    (tmp_path / "Dockerfile").write_text(rendered.dockerfile)
    result = lint(tmp_path / "Dockerfile")
    assert (result.code, result.stdout) == (0, ""), result.stdout


def test_the_linter_sees_faults(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /x && ls $y | wc\n")
    result = lint(tmp_path / "Dockerfile")
    assert result.code == 1, sys.version
    assert "DL3006" in result.stdout


def test_every_ignored_rule_has_its_reason() -> None:
    lines = (ROOT / ".hadolint.yaml").read_text().splitlines()
    ignored = [line for line in lines if line.strip().startswith("- ")]
    assert ignored
    assert all(" # " in line for line in ignored)
