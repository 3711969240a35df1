"""`imgbuild completion`: what makes a shell complete commands, environments, GPUs."""

from __future__ import annotations

import click

from builder.cli.app import App, command
from builder.cli.documented import ends


@command(
    "completion",
    examples=[
        "source <(imgbuild completion bash)",
        "imgbuild completion bash > ~/.local/share/bash-completion/completions/imgbuild",
        "imgbuild completion zsh > ~/.zfunc/_imgbuild",
        "imgbuild completion fish > ~/.config/fish/completions/imgbuild.fish",
    ],
    exits=ends(),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(app: App, shell: str) -> None:
    """Print the script that makes a shell complete commands, options and what they take.

    Environments and variants of the project (of -C DIR), GPUs, doors, smoke tests, and names of images that were built
    or pushed from here. No engine and no registry is asked.

    bash (4.4 or newer) reads the file below when the package bash-completion is installed; else put the line with
    `source` into ~/.bashrc. For zsh, ~/.zshrc must have `fpath+=~/.zfunc` before `autoload -Uz compinit && compinit`.
    """
    from builder.cli.complete_line import script

    text = script(shell)
    app.result(text.rstrip("\n"), {"shell": shell, "script": text})


COMMAND = completion
