"""Where the environments are: envs/ of the user's project, or the ones that came with imgbuild."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from builder.errors import UsageError
from builder.shipped import shipped_dir

ENVIRONMENT_FILE = "environment.yml"
SETTINGS_FILE = "imgbuild.yml"
IMAGE_FILE = "image.yml"
BASES_FILE = "_bases.yml"


@dataclass(frozen=True, slots=True)
class Project:
    """root is what messages name files relative to; envs holds one folder for each image."""

    root: Path
    envs: Path

    def names(self) -> list[str]:
        """Folders that hold a definition, sorted; readable or not."""
        try:
            entries = sorted(os.scandir(self.envs), key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(
                f"cannot be listed: {error.strerror}", where=str(self.envs), fix="make it readable"
            ) from error
        return [entry.name for entry in entries if _is_definition(entry)]

    def label(self, path: Path) -> str:
        """How messages name a file: relative to the root where it lies below it."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def _is_definition(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith((".", "_")) or not entry.is_dir():
        return False
    folder = Path(entry.path)
    return any(os.path.lexists(folder / name) for name in (ENVIRONMENT_FILE, IMAGE_FILE))


def find_project(start: Path | None = None) -> Project:
    """The nearest envs/ from `start` (default: the working directory) upwards, else the shipped one, for which the
    settings of the nearest imgbuild.yml hold.

    A directory called envs counts only when it holds a definition or a _bases.yml: conda installations have
    an envs/ as well. Raises UsageError where `start` is no directory, or
    the working directory is not there any more.
    """
    here = (start or working_directory()).absolute()
    if not here.is_dir():
        raise UsageError("is not a directory", where=str(start), fix="name an existing one")
    for folder in (here, *here.parents):
        project = Project(folder, folder / "envs")
        if _holds_definitions(project):
            return project
    envs = shipped_dir("envs")
    settled = (one for one in (here, *here.parents) if os.path.lexists(one / SETTINGS_FILE))
    return Project(next(settled, envs.parent), envs)


def working_directory() -> Path:
    """Where the command was started. Raises UsageError where that was deleted meanwhile."""
    try:
        return Path.cwd()
    except OSError as error:
        fix = "cd into one that is there, or name a project with -C DIR"
        raise UsageError("the working directory is not there any more", fix=fix) from error


def _holds_definitions(project: Project) -> bool:
    if not os.access(project.envs, os.R_OK | os.X_OK) or not project.envs.is_dir():
        return False
    return (project.envs / BASES_FILE).exists() or bool(project.names())
