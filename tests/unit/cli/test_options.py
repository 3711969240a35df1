"""What options take is checked before anything is done."""

from __future__ import annotations

import re

import pytest

from builder.cli.options import REPOSITORY
from tests.unit.cli.test_commands import imgbuild


@pytest.mark.parametrize(
    "tag", ["bad tag!", "../x", "UPPER", "a//b", "a:", "a:b c", "$(x)", "a\nb", "", "a@sha256:1"]
)
def test_tags_that_are_no_names_end_with_2(tag: str) -> None:
    done = imgbuild("build", "regression", "--tag", tag)
    assert done.code == 2
    assert "no image name" in done.err


@pytest.mark.parametrize("prefix", ["../x", "a b", "A/", "-a", "a/../b"])
def test_prefixes_that_are_no_names_end_with_2(prefix: str) -> None:
    assert imgbuild("build", "regression", f"--prefix={prefix}").code == 2


@pytest.mark.parametrize(
    "name", ["imgbuild", "team/images", "registry.example.org:5000/team/a-b_c.d", "localhost/x"]
)
def test_names_as_registries_have_them(name: str) -> None:
    assert re.fullmatch(REPOSITORY, name)
