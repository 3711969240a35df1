"""README and docs name commands and options that there are. What README and tutorial show at work is run by
tests/integration/test_pages.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from builder.cli.app import imgbuild
from tests.support.workshop import REPOSITORY

PAGES = sorted(
    [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
)
# A word, quoted with `...`, or a line of a block: `$ imgbuild ...`, `imgbuild ...`.
_QUOTED = re.compile(r"`((?:[A-Z_]+=\S+ )*imgbuild [^`]*)`")
_LINE = re.compile(r"^    (?:\$ )?((?:[A-Z_]+=\S+ )*imgbuild .*)$", re.MULTILINE)
_FENCED = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"^(?:    |`)make ([a-z-]+)", re.MULTILINE)


def named(text: str) -> Iterator[list[str]]:
    """The words of each `imgbuild ...`, up to where another program begins or a comment does."""
    fenced = [line for block in _FENCED.findall(text) for line in block.splitlines() if "imgbuild " in line]
    for said in [*_QUOTED.findall(text), *_LINE.findall(text), *fenced]:
        for part in re.split(r"&&|\||;|  +#|   ", said.replace("\\|", "/")):
            words = part.split()
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words[:1] == ["imgbuild"]:
                yield words[1:]


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the words after its name."""
    context = click.Context(imgbuild)
    rest = [word for word in words if not word.startswith("-")]
    found = imgbuild.get_command(context, rest[0])
    assert found is not None, f"there is no `imgbuild {rest[0]}`"
    if isinstance(found, click.Group) and len(rest) > 1:
        inner = found.get_command(context, rest[1])
        assert inner is not None, f"there is no `imgbuild {rest[0]} {rest[1]}`"
        return inner, words
    return found, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_command_and_option_is_there(page: Path) -> None:
    for words in named(page.read_text()):
        if not words or not re.fullmatch(r"[a-z-]+", words[0]) or words[0].startswith("-"):
            continue  # `imgbuild --version`, `imgbuild 0.1.0`
        command, rest = command_of(words)
        known = {name for option in command.params for name in [*option.opts, *option.secondary_opts]}
        cut = rest.index("--") if "--" in rest else len(rest)
        for word in rest[:cut]:
            option = re.match(r"\[?(--[a-z0-9-]+)", word)
            if option:
                assert option[1] in {*known, "--help"}, f"`imgbuild {' '.join(words)}` has no {option[1]}"


def test_the_makefile_has_what_pages_name() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(_MAKE.findall(page.read_text())) <= targets, page.name
