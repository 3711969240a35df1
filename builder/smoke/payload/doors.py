"""Runs behind a door of the image: writes what a program there sees. argv: the file to write.

Standard library only, and no variable of imgbuild's own: what is looked at is how the door leaves things.
"""

import getpass
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

CACHES = ("XDG_CACHE_HOME", "MPLCONFIGDIR", "HF_HOME", "NUMBA_CACHE_DIR", "TORCH_HOME", "TRITON_CACHE_DIR")


def writable(folder: str) -> str:
    """Empty when a file can be kept there, else why not."""
    probe = Path(folder) / f".imgbuild-door-{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return ""


def user() -> str:
    """Who it is; empty when nobody knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def matplotlib_place() -> str:
    """Where matplotlib keeps its things: a temporary directory when its own cannot be written."""
    if importlib.util.find_spec("matplotlib") is None:
        return ""
    import matplotlib

    return str(matplotlib.get_configdir())


seen = {
    "prefix": sys.prefix,
    "which": shutil.which("python") or "",
    "uid": os.getuid(),
    "gid": os.getgid(),
    "user": user(),
    "caches": {name: writable(os.environ[name]) for name in CACHES if name in os.environ},
    "unset_caches": [name for name in CACHES if name not in os.environ],
    "matplotlib": matplotlib_place(),
    "environ": {name: value for name, value in os.environ.items() if name.isprintable()},
}
Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")
