"""Settings files before a command: what they say holds while it runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from builder.errors import DefinitionError, ImgbuildError
from builder.settings.places import places
from builder.spec.project import find_project

# They tell what is wrong in the files themselves, or have nothing to do with them.
FREE = frozenset({"check", "completion", "doctor", "help", "init", "schema", "show"})
_FAULT, BEFORE = "imgbuild.settings.fault", "imgbuild.settings.before"


def settle(context: click.Context, _option: click.Parameter, directory: Path | None) -> Path | None:
    """Callback of `-C`: put what the files say into the variables of this process, until the command has ended."""
    context.meta[BEFORE] = before = dict(os.environ)
    try:
        root = find_project(directory).root
    except (ImgbuildError, OSError):  # the command itself says so, where it needs a project
        return directory
    if context.resilient_parsing or not places(root, os.environ):
        return directory
    from builder.settings.trace import in_force

    try:
        changed = in_force(root, os.environ)
    except DefinitionError as error:
        context.meta[_FAULT] = error
        return directory
    context.call_on_close(lambda: _restore(before, changed))
    return directory


def _restore(before: dict[str, str], changed: list[str]) -> None:
    for name in changed:
        os.environ.pop(name, None)
        if name in before:
            os.environ[name] = before[name]


def refuse_unsettled(command: str) -> None:
    """Raise DefinitionError where the files cannot be read: with another store or prefix, nothing is what is meant."""
    fault = click.get_current_context().meta.get(_FAULT)
    if isinstance(fault, DefinitionError) and command not in FREE:
        raise fault


def variables_before() -> dict[str, str]:
    """The variables as the user set them."""
    found: dict[str, str] = click.get_current_context().meta[BEFORE]
    return found
