"""A kit with packages that have activation scripts, and a project with an image of two environments of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.conda_packages import Recipe, make
from tests.support.grown_kit import grown_kit

NAME = "doors"
# What conda-forge's gdal, compilers and others do: a path below the prefix, a list that grows, a value that
# needs quoting; and one that depends on who activates.
ACTIVATE = b"""\
export HOOKED_DATA="$CONDA_PREFIX/share/hooked"
export HOOKED_FLAGS="${HOOKED_FLAGS-}${HOOKED_FLAGS:+ }-O2"
export HOOKED_TEXT='it'"'"'s "quoted" $HOME `id` \\\\ {{ x }}'
export HOOKED_HOME="$HOME/.hooked"
"""
DEACTIVATE = b"unset HOOKED_DATA HOOKED_FLAGS HOOKED_TEXT HOOKED_HOME\n"
SERVING = b'export SERVING_DATA="$CONDA_PREFIX/share/serving"\n'
FILES = {
    "environment.yml": """\
name: doors
channels: [conda-forge, nodefaults]
dependencies:
  - python>=3.11
  - imgbuild-hooked
variables:
  MODE: training
  ONLY_TRAINING: "1"
""",
    "environment.serving.yml": """\
name: serving
channels: [conda-forge, nodefaults]
dependencies:
  - python>=3.11
  - imgbuild-serving
variables:
  MODE: 'a "$serving" & {{ mode }}'
""",
    "image.yml": "environments: [environment.serving.yml]\n",
}


def hooked_project(root: Path) -> Path:
    """A project with the one image."""
    folder = root / "envs" / NAME
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    shutil.copy(Path(__file__).parents[2] / "envs" / "_bases.yml", root / "envs" / "_bases.yml")
    return root


def hooked_kit(kit: Path, directory: Path, root: Path) -> Path:
    """A copy of a kit with two packages more, and the lock of the project's image."""
    return grown_kit(kit, directory, root, NAME, _packages)


def _packages(channel: Path) -> None:
    """One with a script that says so, one that serves data."""
    places = channel / "linux-64"
    make(places, Recipe("imgbuild-hooked", _scripts("hooked", ACTIVATE, DEACTIVATE)))
    make(places, Recipe("imgbuild-serving", _scripts("serving", SERVING, b"unset SERVING_DATA\n")))


def _scripts(name: str, activate: bytes, deactivate: bytes) -> dict[str, bytes]:
    return {
        f"etc/conda/activate.d/{name}.sh": activate,
        f"etc/conda/deactivate.d/{name}.sh": deactivate,
        f"share/{name}/data": b"data\n",
    }
