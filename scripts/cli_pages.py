"""docs/cli: one page for each command, from the commands themselves. Run by `make generate`; a test finds stale pages.

Everything on a page stands in builder/cli: docstring, options, examples, exit codes, and the pages of docs/ that a
command names. Nothing here has to be edited when a command is added.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from builder.cli.app import imgbuild
from builder.cli.commands import ALL_ENDS, EXAMPLES, SECTIONS
from builder.cli.documented import Documented, walk

FOLDER = Path(__file__).parent.parent / "docs" / "cli"
INDEX = "README.md"
_HELP = "Print the help of the command."  # click words it otherwise in each version
_MADE = "<!-- Made from builder/cli by `make generate`: edit it there. -->"
# What an argument is, by the word that stands for it. An argument that is not here stands in the usage line alone.
_ARGUMENTS = {
    "ENV": "an environment: a folder of envs/",
    "ENV[@VARIANT]": "an environment of envs/, or a variant of it, as `finetune-cuda@cu126`",
    "ENV[@VARIANT]|IMAGE": "an environment or a variant of it; or an image: a name with its registry, or an id",
    "COMMAND": "the program and its arguments",
    "DIR": "a directory",
    "NAME": "the name of the new environment: a folder of envs/",
    "TABLE": "a table: `torch` or `toolkits`",
    "A": "what is compared, as told above",
    "B": "what is compared, as told above",
    "FROM": "an image in a registry, with its tag or digest",
    "TO": "its new name, in the same registry",
}


def pages() -> dict[str, str]:
    """File name -> text of every page, the index first."""
    commands = {" ".join(words): one for words, one in walk(imgbuild) if isinstance(one, Documented)}
    return {INDEX: _index(commands)} | {_file(name): _page(name, one) for name, one in commands.items()}


def _file(name: str) -> str:
    return f"{name.replace(' ', '-')}.md"


def _page(name: str, command: Documented) -> str:
    own = [one for one in _options(command) if not _is_common(one)]
    pieces = [word for one in _arguments(command) if (word := _word(one))]
    lines = [
        _MADE,
        "",
        f"# imgbuild {name}",
        "",
        f"    {' '.join(['imgbuild', name, '[OPTIONS]', *pieces])}",
        "",
    ]
    lines += [inspect.cleandoc(command.help or ""), ""]
    told = [
        (f"`{_word(one)}`", _ARGUMENTS[key])
        for one in _arguments(command)
        if (key := _key(one)) in _ARGUMENTS
    ]
    if told:
        lines += ["## Arguments", "", *_table(("argument", "what it is"), told), ""]
    lines += ["## Options", ""]
    if own:
        lines += [*_table(("option", "what it does"), map(_option_row, own)), ""]
    also = "Also the" if own else "The"
    lines += [f"{also} [options of every command]({INDEX}#options-of-every-command).", ""]
    lines += ["## Examples", "", *(f"    {line}" for line in command.examples), ""]
    lines += ["## Exit codes", "", *_table(("code", "what it means"), command.exits.items()), ""]
    more = [f"[{page}](../{page}.md)" for page in command.pages]
    lines += [f"More: {', '.join([*more, f'[all commands]({INDEX})'])}."]
    return "\n".join(lines) + "\n"


def _index(commands: dict[str, Documented]) -> str:
    lines = [_MADE, "", "# The commands of imgbuild", "", *(f"    {line}" for line in EXAMPLES), ""]
    for title, entries in SECTIONS.items():
        rows = [
            (
                f"[imgbuild {name}]({_file(name)})",
                entries[name].says if name in entries else str(one.short_help),
            )
            for name, one in commands.items()
            if name.split()[0] in entries
        ]
        lines += [f"## {title}", "", *_table(("command", "what it does"), rows), ""]
    common = [one for one in _options(commands["list"]) if _is_common(one)]
    lines += [
        "## Options of every command",
        "",
        *_table(("option", "what it does"), map(_option_row, common)),
        "",
    ]
    lines += [
        "## Exit codes",
        "",
        *_table(("code", "what it means"), ((str(c), s) for c, s in ALL_ENDS.items())),
        "",
    ]
    lines += [
        "`imgbuild COMMAND --help` prints what the pages here say; `imgbuild completion` makes a shell complete it."
    ]
    return "\n".join(lines) + "\n"


def _arguments(command: click.Command) -> list[click.Argument]:
    return [one for one in command.params if isinstance(one, click.Argument)]


def _options(command: click.Command) -> Iterator[click.Option]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    return (one for one in command.get_params(context) if isinstance(one, click.Option) and not one.hidden)


def _is_common(option: click.Option) -> bool:
    """Whether every command has it, spelled the same: `run` has `-v` for something else."""
    plain = imgbuild.get_command(click.Context(imgbuild), "schema")
    assert plain is not None
    return (option.name, option.opts) in [(one.name, one.opts) for one in _options(plain)]


def _word(argument: click.Argument) -> str:
    if argument.metavar is None and isinstance(argument.type, click.Choice):
        return "|".join(map(str, argument.type.choices))
    return argument.metavar or str(argument.name).upper()


def _key(argument: click.Argument) -> str:
    """The word without what says that it may be missing, or be there several times."""
    word = _word(argument).removeprefix("[--] ").removesuffix("...")
    word = word[1:-1] if word.startswith("[") and word.endswith("]") else word
    alternatives = sorted(word.removesuffix("...").split("|"))
    return "|".join(alternatives)


def _option_row(option: click.Option) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in (*sorted(option.opts, key=len), *option.secondary_opts))
    if not option.is_flag:
        choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else "TEXT"
        names += f" `{option.metavar or choices}`"
    says = _HELP if "--help" in option.opts else (option.help or "").replace("  [default: ", " [default: ")
    notes = [] if not option.show_default else [f"default: `{option.default}`"]
    notes += [f"variable: `{option.envvar}`"] if option.envvar else []
    notes += ["required"] if option.required else []
    notes += ["any number of times"] if option.multiple else []
    return names, f"{says} ({'; '.join(notes)})" if notes else says


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> list[str]:
    escaped = ((first.replace("|", "\\|"), second.replace("|", "\\|")) for first, second in rows)
    return [f"| {first} | {second} |" for first, second in (head, ("---", "---"), *escaped)]


def main() -> None:
    """Write the pages, and take away those of commands that are gone."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for gone in {path.name for path in FOLDER.iterdir()} - made.keys():
        (FOLDER / gone).unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
