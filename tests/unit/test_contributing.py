"""CONTRIBUTING.md names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.workshop import REPOSITORY

TEXT = Path(REPOSITORY, "CONTRIBUTING.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \|", TEXT, re.M)
NAMED = sorted(
    set(re.findall(r"`((?:builder|tests|docs|scripts|schema|envs|dockerfiles)/[a-z0-9_./]*)`", TEXT))
)


def test_it_names_a_fair_part() -> None:
    assert len(ROWS) > 30
    assert len(NAMED) > 30


@pytest.mark.parametrize("path", NAMED)
def test_what_it_names_is_there(path: str) -> None:
    assert Path(REPOSITORY, path).exists()


def test_every_package_has_a_row() -> None:
    packages = {f"builder/{one.parent.name}/" for one in Path(REPOSITORY, "builder").glob("*/__init__.py")}
    assert packages <= set(ROWS)


def test_its_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", Path(REPOSITORY, "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:^ {4}|`|=DIR )make ([a-z-]+)", TEXT, re.M))
    assert {"test", "lint", "generate"} < named <= targets
