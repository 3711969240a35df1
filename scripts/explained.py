"""docs/unsolvable.md: what is printed when a definition cannot be solved, from real runs of rattler and uv.

    python -m scripts.explained > docs/unsolvable.md

Each case is solved against small channels made on this machine (tests/support/unsolvable.py); no network.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from builder.cli.boundary import error_text
from builder.errors import LockError
from builder.lock.make import make_lock
from builder.progress import silent
from tests.support.unsolvable import (
    CONDA_CASES,
    PIP_CASES,
    Case,
    fill_channels,
    fill_wheels,
    local_source,
    write_project,
)

HEAD = """\
<!-- Generated from real runs by: python -m scripts.explained > docs/unsolvable.md -->
# When it cannot be solved

`imgbuild lock` then says which lines conflict, whose they are, through what they conflict, and what would help. Exit
code 3; with `--json` the same as `what`, `where`, `fix` and `detail`.

- **Which lines.** They are found by asking the solver again with fewer of them, until none can be left out. What is
  printed is the smallest conflict, not the whole request. Two conflicts that have nothing to do with each other are
  both told (three at most).
- **Through what.** The records of the channels are followed from the lines to the package that has no choice left.
  Where that does not come to an end, the solver's own words stand below the lines, and it says that they are its.
- **What helps.** Nothing is suggested that was not tried: with each mend the whole conda part was solved again, and
  for a mend of the pip section conda and pip together. `to do:` is the first of them. Tried are: other spellings of a
  name, other versions, a wider range, another python, CUDA line, base or order of channels, the package from conda in
  place of pip, and leaving a line out.
- **How long.** At most 80 questions to the solver and 40 seconds (40 and 90 for a pip section); then it says that the
  search was stopped, and what it knows until then.

The printed texts below are real. `forge` and `extra` are small channels that are made for this page.
"""


def main() -> int:
    """Print the page."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-explained-") as name:
        root = Path(name).resolve()
        os.environ["IMGBUILD_CACHE"] = str(root / "store")
        os.environ["UV_CACHE_DIR"] = str(root / "uv")
        fill_channels(root)
        fill_wheels(root)
        print(page(root), end="")
    return 0


def page(root: Path) -> str:
    """The whole page, over channels and wheels below root."""
    parts = [HEAD, "\n## conda\n", *(section(case, root) for case in CONDA_CASES)]
    parts += ["\n## pip\n", *(section(case, root) for case in PIP_CASES)]
    return "".join(parts)


def section(case: Case, root: Path) -> str:
    """One failure: what was asked for, and what is printed."""
    return f"\n### {case.shows.rstrip('.')}\n\n{_asked(case)}\n```\n{printed(case, root)}\n```\n"


def printed(case: Case, root: Path) -> str:
    """The error as the command prints it, with paths from the project's root."""
    spec = write_project(root, case)
    try:
        make_lock(spec, case.platform, local_source(root, kit=case.kit), silent)
    except LockError as error:
        return error_text(error).replace(f"{spec.folder.parent.parent}/", "").replace(str(root), "")
    raise AssertionError(f"{case.name} can be solved")


def _asked(case: Case) -> str:
    files = {"environment.yml": f"channels: [{case.channels}]\n{_dependencies(case.conda, case.pip)}"}
    if case.parent:
        files["environment.yml"] += f"# of parent, which this one extends:\n{_dependencies(case.parent, ())}"
    if case.image:
        files["image.yml"] = case.image
    shown = "".join(f"# {name}\n{text}" for name, text in files.items())
    source = " (the source is a kit)" if case.kit else ""
    where = f" (locked for {case.platform})" if case.platform != "linux/amd64" else ""
    return f"Asked for{source}{where}:\n\n```yaml\n{shown}```\n\nPrinted:\n"


def _dependencies(conda: tuple[str, ...], pip: tuple[str, ...]) -> str:
    lines = [f"  - {line}\n" for line in conda]
    lines += ["  - pip:\n", *(f"      - {line}\n" for line in pip)] if pip else []
    return "dependencies:\n" + "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
