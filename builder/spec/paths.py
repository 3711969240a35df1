"""Files that a definition names: below its folder, really there, and not led out of it by a link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from builder.spec.fault import Fault

_LEADS_OUT = "leads out of the folder"


def inside(folder: Path, text: str, kind: Literal["file", "any"]) -> Path:
    """The absolute path of a file (or directory, for `any`) below the folder; raises Fault."""
    path = folder / text
    try:
        real, home = path.resolve(strict=True), folder.resolve(strict=True)
    except FileNotFoundError as error:
        raise Fault(f"`{text}` is not there", f"make it in {folder.name}/, or mend the name") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise Fault(f"`{text}` cannot be read", "make it readable, and not a loop of links") from error
    if not real.is_relative_to(home):
        raise Fault(f"`{text}` {_LEADS_OUT}", "copy the file into the folder")
    if kind == "file" and not real.is_file():
        raise Fault(f"`{text}` is not a file", "name a file")
    if not (real.is_file() or real.is_dir()):
        raise Fault(f"`{text}` is neither a file nor a directory", "name a file or a directory")
    if real.is_dir():
        _no_links_out(path, home)
    return path


def _no_links_out(top: Path, home: Path) -> None:
    for folder, directories, files in os.walk(top):
        for name in (*directories, *files):
            path = Path(folder) / name
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
                shown = path.relative_to(top.parent)
                raise Fault(f"`{shown}` {_LEADS_OUT}", "copy the file into the folder")
