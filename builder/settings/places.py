"""Where settings files lie, and what a path in them means; light, because every command looks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from builder.spec.project import SETTINGS_FILE
from builder.userpath import user_path

USER_FILE = "settings.yml"
NONE = "none"  # IMGBUILD_SETTINGS=none: no file of the user; kit: none: the committed locks


def places(root: Path, environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    """The files there are, the project's first, each with its name in messages."""
    project = root / SETTINGS_FILE
    user = user_file(environ)
    found = [(project, SETTINGS_FILE)] if os.path.lexists(project) else []
    if user is not None and (os.path.lexists(user) or environ.get("IMGBUILD_SETTINGS")):
        found.append((user, str(user)))
    return found


def user_file(environ: Mapping[str, str]) -> Path | None:
    """IMGBUILD_SETTINGS, else settings.yml in the user's configuration directory; None where it says `none`."""
    named = environ.get("IMGBUILD_SETTINGS")
    if named:
        return None if named == NONE else user_path(named)
    import platformdirs  # noqa: PLC0415  (only where the variable does not say it)

    return platformdirs.user_config_path("imgbuild") / USER_FILE


def located(text: str, file: Path) -> Path:
    """A path that a settings file names: `~` is the user's home, relative ones begin at the file's folder."""
    return file.absolute().parent / user_path(text)
