"""The reader of pages that show a shell: what it takes for a command, and what it finds to be another output."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.transcript import Shell, Step, is_as_shown, played, steps

PAGE = """# A page

    $ cd there
    $ cat > x <<'END'
    > one
    >
    > END
    $ imgbuild list
    NAME  LOCK

    two   ok

Words, and a block that is no session:

    imgbuild lock

    $ false
    $ echo $?
    1
"""


def test_commands_and_what_they_print() -> None:
    assert list(steps(PAGE)) == [
        Step("cd there", (), 3, 3),
        Step("cat > x <<'END'\none\n\nEND", (), 7, 7),
        Step("imgbuild list", ("NAME  LOCK", "", "two   ok"), 8, 11),
        Step("false", (), 17, 17),
        Step("echo $?", ("1",), 18, 19),
    ]


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("built: 673 MB, sha256:f6d2a41a61d8", "built: 1.2 GB, sha256:000000000000", True),
        ("passed in 3.0 s", "passed in 2 min 05 s", True),
        ("passed in 3.0 s", "FAILED in 3.0 s", False),
        ("fetch   3 files\npassed", "passed", True),
        ("smoke   a\nsmoke   b", "smoke   a", False),
        ("smoke   a\nsmoke   b\nend", "smoke   a\n...\nend", True),
        ("smoke   a\nend", "smoke   a\n...\nend", True),
        ("7", "2", False),
    ],
)
def test_what_counts_as_the_same(printed: str, shown: str, same: bool) -> None:
    assert is_as_shown(printed.splitlines(), tuple(shown.splitlines())) is same


def page_of(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text)
    return path


def test_one_shell_for_all_commands(tmp_path: Path) -> None:
    page = page_of(
        tmp_path, "    $ mkdir a && cd a\n    $ x=said\n    $ basename $PWD; echo $x\n    a\n    said\n"
    )
    with Shell(tmp_path, os.environ) as shell:
        assert played(page, shell) == []


def test_what_fails_and_what_prints_something_else_is_found(tmp_path: Path) -> None:
    other = page_of(tmp_path, "    $ echo no\n    yes\n")
    with Shell(tmp_path, os.environ) as shell:
        (found,) = played(other, shell)
    assert "-yes" in found
    assert "+no" in found
    with Shell(tmp_path, os.environ) as shell:
        (found,) = played(page_of(tmp_path, "    $ (exit 3)\n    $ echo later\n"), shell)
    assert found.startswith("`(exit 3)` ended with 3")


def test_accepted_output_is_written_into_the_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, "Words.\n\n    $ echo ours\n    ?\n    $ true\n\nMore.\n")
    with Shell(tmp_path, os.environ, {"ours": "theirs"}) as shell:
        played(page, shell, accept=True)
    assert page.read_text() == "Words.\n\n    $ echo ours\n    ours\n    $ true\n\nMore.\n"
