"""Completion as the shells ask for it: click's, with lines cut into words as imgbuild has them.

bash cuts words at `@`, `:` and `=` as well, which are inside of ours (`finetune-cuda@cu126`, `host:5000/name:tag`,
`--gpu=h100`). So its script hands over the line, and gets back what is to stand in place of the last piece.
"""

from __future__ import annotations

import logging
import os
from typing import Any, ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

from builder.cli.app import imgbuild

VARIABLE = "_IMGBUILD_COMPLETE"
SHELLS = ("bash", "zsh", "fish")

_BASH = """\
%(complete_func)s() {
    local response kind value
    COMPREPLY=()
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o filenames -o plusdirs ;;
            file) compopt -o filenames -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$response"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """bash, which gets the end of a word alone."""

    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is typed, and that one as far as it is there."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """As click has them, without what bash keeps of the word."""
        kept = _kept(incomplete, os.environ.get("COMP_WORDBREAKS", ""))
        return [
            CompletionItem(item.value[kept:], type=item.type, help=item.help)
            for item in _with_option(incomplete, super().get_completions(args, incomplete))
            if item.type != "plain" or item.value.startswith(incomplete[:kept])
        ]


class Zsh(ZshComplete):
    """zsh, which replaces the whole word."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """As click has them, with the option before `=`."""
        return _with_option(incomplete, super().get_completions(args, incomplete))


class Fish(FishComplete):
    """fish, which replaces the whole word."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """As click has them, with the option before `=`."""
        return _with_option(incomplete, super().get_completions(args, incomplete))


def _kept(word: str, breaks: str) -> int:
    """How many signs of a word stand before what bash replaces: up to the last sign that cuts. `@` is replaced too."""
    last = max((word.rfind(sign) for sign in "@:=" if sign in breaks), default=-1)
    return last if word[last : last + 1] == "@" else last + 1


def _with_option(incomplete: str, items: list[CompletionItem[Any]]) -> list[CompletionItem[Any]]:
    """In `--gpu=h` the values of click are those after `=`."""
    option, sign, _ = incomplete.partition("=")
    if not (sign and option.startswith("-")):
        return items
    return [CompletionItem(f"{option}={item.value}", type=item.type, help=item.help) for item in items]


for _shell in (Bash, Zsh, Fish):
    add_completion_class(_shell)


def script(shell: str) -> str:
    """The text that a shell reads to complete `imgbuild`."""
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  (one of SHELLS)
    return made(imgbuild, {}, "imgbuild", VARIABLE).source()


def answer(instruction: str) -> int:
    """Print what a shell's script asks for, and return the exit code.

    Somebody is typing: whatever goes wrong offers nothing, and no word of it comes between what is typed.
    """
    logging.disable()
    try:
        return shell_complete(imgbuild, {}, "imgbuild", VARIABLE, instruction)
    except (Exception, KeyboardInterrupt):  # noqa: BLE001
        return 1
