"""`--help` of every command: what it says can be copied, and holds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click
import pytest

from builder.cli.app import imgbuild as group
from builder.cli.commands import COMMANDS, EXAMPLES, SECTIONS
from builder.cli.documented import Documented, NearMisses, ends, walk
from builder.spec.project import find_project
from tests.support.workshop import REPOSITORY
from tests.unit.cli.test_commands import imgbuild

ALL = {" ".join(words): command for words, command in walk(group)}
DOCUMENTED = {name: command for name, command in ALL.items() if isinstance(command, Documented)}
CODES = {"1", "126", "127", "125", "others", *ends(*range(8))}


def help_of(name: str) -> str:
    words = name.split()
    context = click.Context(group, info_name="imgbuild", **group.context_settings)
    for depth, word in enumerate(words):
        context = click.Context(ALL[" ".join(words[: depth + 1])], parent=context, info_name=word)
    return context.get_help()


def typed(line: str) -> Iterator[list[str]]:
    """The `imgbuild` commands of a shell line, each as its words after `imgbuild`, without where its output goes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>()")
    lexer.whitespace_split, lexer.commenters = True, ""
    for between, words in groupby(lexer, lambda word: word in {"&&", "||", "|", ";", "<(", ")"}):
        command = list(words)
        if not between and command[0] == "imgbuild":
            yield command[1 : next((at for at, word in enumerate(command) if word in {">", "<"}), None)]


def parsed(words: list[str]) -> click.Context:
    """The words as click takes them, with every check of their values; nothing is run."""
    context = group.make_context("imgbuild", list(words))
    command: click.Command = group
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        context, command = found.make_context(name, rest, parent=context), found
    return context


def test_every_command_but_groups_has_examples_and_exit_codes() -> None:
    assert all(isinstance(command, Documented | NearMisses) for command in ALL.values())
    assert {"build", "kit create", "data refresh"} < set(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_help_ends_with_examples_and_exit_codes(name: str) -> None:
    command = DOCUMENTED[name]
    text = help_of(name)
    head, _, tail = text.partition("\nExit codes:\n")
    assert all(f"\n  {line}\n" in head for line in command.examples)
    assert all(
        re.search(rf"^  {code}  +{re.escape(says[:20])}", tail, re.M) for code, says in command.exits.items()
    )
    assert command.exits.keys() <= CODES
    assert "2" in command.exits


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, command in DOCUMENTED.items() for line in command.examples]
)
def test_examples_are_of_the_command_and_click_takes_them(name: str, line: str) -> None:
    found = list(typed(line))
    assert any(" ".join(words).startswith(name) for words in found)
    assert len(line) <= 78, "no terminal folds it"
    shipped = find_project(REPOSITORY).names()
    for words in found:
        context = parsed(words)
        for option in context.command.params:
            if isinstance(option, click.Argument) and (option.metavar or "").lstrip("[").startswith("ENV"):
                given = context.params[str(option.name)]
                for ref in [given] if isinstance(given, str) else given or ():
                    assert ref.split("@")[0] in {*shipped, "train"} or "/" in ref


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_examples_of_all(line: str) -> None:
    assert line in help_of("")
    assert [parsed(words).command for words in typed(line)]


@pytest.mark.parametrize(
    "line",
    [
        "imgbuild build x --gone",
        "imgbuild list x",
        "imgbuild plan && imgbuild gone",
        "imgbuild lock --platform x",
    ],
)
def test_an_example_that_no_longer_holds_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        assert [parsed(words) for words in typed(line)]


def test_the_list_of_commands_cuts_no_phrase_and_folds_no_line() -> None:
    done = imgbuild("--help", COLUMNS="80")
    lines = done.out.splitlines()
    for name, entry in COMMANDS.items():
        assert f"  {name:<{max(map(len, COMMANDS))}}  {entry.says}" in lines
    assert all(f"{title}:" in lines for title in SECTIONS)
    assert "..." not in done.out.split("Define:")[1].split("Examples:")[0]


@pytest.mark.parametrize("name", [name for name in ALL if name])
def test_phrases(name: str) -> None:
    says = ALL[name].get_short_help_str()
    assert 10 < len(says) <= 60
    assert says[0].isupper()
    assert not says.endswith(".")


@pytest.mark.parametrize("name", ["", "kit", "data"])
def test_groups_have_an_example_of_each_of_their_commands(name: str) -> None:
    text = help_of(name)
    inner = [one for one in DOCUMENTED if name and one.startswith(f"{name} ")]
    assert all(DOCUMENTED[one].examples[0] in text for one in inner)
    assert f"`{f'imgbuild {name}'.strip()} COMMAND --help`" in text
    assert f"  imgbuild {name}".rstrip() in text.split("Example")[1]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_pages_are_there(name: str) -> None:
    for page in DOCUMENTED[name].pages:
        assert Path(REPOSITORY, "docs", f"{page}.md").is_file()


@pytest.mark.parametrize("name", ALL)
def test_wrong_options_end_with_2_everywhere(name: str) -> None:
    if name in {
        "",
        "list",
        "kit",
        "kit create",
        "run",
    }:  # one of each kind as a process, the others as click has them
        done = imgbuild(*name.split(), "--no-such-option")
        assert (done.code, done.out) == (2, "")
        assert "--no-such-option" in done.err
    else:
        with pytest.raises(click.UsageError, match="no-such-option"):
            parsed([*name.split(), "--no-such-option"])


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["build", "-h"], ["kit", "-h"], ["kit", "create", "-h"]]
)
def test_help_goes_to_stdout_and_ends_with_0(words: list[str]) -> None:
    done = imgbuild(*words)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: imgbuild ")


@pytest.mark.parametrize("words", [[], ["kit"], ["data"]])
def test_no_command_shows_the_help_and_is_no_success(words: list[str]) -> None:
    done = imgbuild(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"Usage: {' '.join(['imgbuild', *words])} [OPTIONS]")
