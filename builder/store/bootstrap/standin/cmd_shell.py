"""shell.*: what a shell reads to know `conda activate`; init: the block in its start-up file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.store.bootstrap.standin import environment, talk
from builder.store.bootstrap.standin.activate import Activator
from builder.store.bootstrap.standin.errors import ArgumentError, CondaError
from builder.store.bootstrap.standin.settings import Settings, load_settings

SHELLS = ("shell.posix", "shell.bash", "shell.zsh", "shell.dash", "shell.sh", "shell.ash")
BEGIN = "# >>> conda initialize >>>"
END = "# <<< conda initialize <<<"


def shell(words: Sequence[str], env: Mapping[str, str]) -> int:
    """Print shell text for hook, activate, deactivate or reactivate. Raises ArgumentError."""
    if words[0] not in SHELLS:
        raise ArgumentError(f"'{words[0].removeprefix('shell.')}' is not a supported shell.")
    settings = load_settings(env)
    action, rest = (words[1], list(words[2:])) if len(words) > 1 else ("", [])
    if action == "hook":
        print(_hook(settings), end="")
    elif action == "activate":
        print(_activate(settings, rest), end="")
    elif action in ("deactivate", "reactivate"):
        activator = Activator(settings)
        change = activator.deactivate() if action == "deactivate" else activator.reactivate()
        print(change.text(), end="")
    else:
        raise ArgumentError("'activate', 'deactivate', 'hook', or 'reactivate' command must be given.")
    return 0


def _hook(settings: Settings) -> str:
    text = (settings.root / "etc" / "profile.d" / "conda.sh").read_text("utf-8")
    return text + ("conda activate 'base'\n" if settings.flag("auto_activate") else "")


def _activate(settings: Settings, words: list[str]) -> str:
    options = [word for word in words if word.startswith("-")]
    names = [word for word in words if not word.startswith("-")]
    unknown = [option for option in options if option not in ("--stack", "--no-stack", "--dev")]
    if unknown or len(names) > 1:
        raise ArgumentError(f"activate does not accept: {' '.join(unknown or names[1:])}")
    prefix = environment.find(settings, names[0] if names else "base")
    return Activator(settings).activate(prefix, stack="--stack" in options).text()


def init(arguments: argparse.Namespace, settings: Settings) -> int:
    """Write, or with --reverse remove, the block in ~/.bashrc."""
    if arguments.shells not in ([], ["bash"]):
        raise CondaError("The imgbuild stand-in initializes bash only.")
    file = settings.home / ".bashrc"
    old = file.read_text("utf-8") if file.is_file() else ""
    new = _without_block(old)
    if not arguments.reverse:
        new += ("" if not new or new.endswith("\n") else "\n") + _block(settings.root)
    if new == old:
        talk.say("No action taken.")
        return 0
    if not arguments.dry_run:
        try:
            file.write_text(new, "utf-8")
        except OSError as error:
            raise CondaError(f"{file} cannot be written: {error}") from error
    talk.say(
        f"modified      {file}\n\n==> For changes to take effect, close and re-open your current shell. <=="
    )
    return 0


def _without_block(text: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END + "\n")
    return before + after if begin and end else text


def _block(root: Path) -> str:
    return (
        f"{BEGIN}\n# !! Contents within this block are managed by 'conda init' !!\n"
        f"__conda_setup=\"$('{root}/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\n"
        'if [ $? -eq 0 ]; then\n    eval "$__conda_setup"\n'
        f'else\n    export PATH="{root}/bin:$PATH"\nfi\nunset __conda_setup\n{END}\n'
    )
