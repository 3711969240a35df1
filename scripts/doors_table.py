"""docs/doors.md: which door of which image leads into its environment, from a real run.

    python -m scripts.doors_table IMAGE... > docs/doors.md

Goes through every door of images that were built before (`imgbuild build IMAGE...`); exits with 1 when one of them
does not lead where it should. `-C DIR` names another project.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from builder import proc
from builder.smoke.doors import DOORS

HEAD = """\
<!-- Generated from a real run by: python -m scripts.doors_table regression report two doors > docs/doors.md -->
# Doors

Images fail where nobody looked: under another UID, in `docker exec`, in a CI job that drops the entrypoint. Every
way into an image is a door, and `imgbuild test IMAGE --door all` goes through each of them, in each environment of
the image. (`imgbuild build` does not: it proves the image through its entrypoint, under an unknown user, on a
read-only root. The doors are some ten seconds more for each environment.)

A door is passed when, behind it,

- `python` on PATH and `sys.prefix` are the environment's, `CONDA_PREFIX` and `CONDA_DEFAULT_ENV` name it;
- all variables are set that `conda activate` sets in a clean shell of the same image: `variables:` of the
  environment file, and what the scripts of the packages in `activate.d` set. conda itself is asked, not imgbuild;
- the caches (`XDG_CACHE_HOME`, `MPLCONFIGDIR`, `HF_HOME`, ...) can be written, and matplotlib uses its own;
- `getpass.getuser()` knows a name.

The first environment of an image is active as it is. Another one is chosen by `IMGBUILD_ENV` where the entrypoint or
a login shell can read it, by `conda run -n NAME` where a program is started with nothing before it, and by
`conda activate NAME` in the scripts of GitHub and of GitLab without entrypoint.

`regression` and `report` are shipped; `two` (tests/support/envs) and `doors` (tests/support/hooked.py) have two
environments each, and those of `doors` have packages with activation scripts.
"""
FOOT = """\

## How it is done

- **ENV** holds the first environment: PATH, `CONDA_*`, `variables:`. It also holds what the packages' own scripts in
  `activate.d` set. A Dockerfile cannot set ENV from what a RUN found out, so `imgbuild build` runs these scripts in a
  sandboxed container of the image it has just built, twice, under two users and homes, and adds what came out the
  same both times with a second build of ENV lines only (label `io.imgbuild.activation`: the sha256 of what was
  added, or `none`). What differs (`HOOKED_HOME=$HOME/...`) cannot stand in ENV: the label
  `io.imgbuild.activation.changing` names it, and entrypoint and bash set it for whoever comes. The image that
  `docker build` makes of `imgbuild render --output` lacks this second step, and its Dockerfile says so: entrypoint
  and shells run the scripts there, `docker exec` of a program alone does not see what they set.
- **The entrypoint** chooses the environment, gives an unknown user a home, moves the caches to /tmp on a read-only
  root, and ends in `exec`.
- **/etc/profile.d** gives login shells back what Debian's /etc/profile takes: PATH.
- **An init** is process 1. A program that is process 1 itself gets only the signals that it handles: python would
  ignore SIGTERM, and docker would kill it after ten seconds. `/usr/local/lib/imgbuild/init` passes signals on,
  reaps orphans, gives the program the terminal, and ends with its exit code (128 + n for a signal). It is some
  seventy lines for the python of /opt/conda, which is in every image. tini or dumb-init would be one binary more, from
  one source more, to be locked and trusted (Debian's for some bases, conda-forge's for others); bash with `trap` and
  `wait` has no terminal for its children and starts them with SIGINT ignored. It costs some tens of milliseconds at
  the start and 9 MB of memory. With `docker run --init` docker's own is process 1, and this one stays away.
  With `--entrypoint ""` there is none: add `--init` there.

## Several environments

All environments of an image are made in one RUN from one package directory, because hard links do not reach from one
layer into another. Packages, bytecode and wheels that they share are in the image once. Measured with two
environments that share python 3.11 (`two`): 118 MB in two layers before, 60 MB in one layer now. The price: when one
environment changes, all of them are made again.
"""


def main(argv: list[str]) -> int:
    """Print the page; 1 when a door failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("-C", dest="project", default=".", metavar="DIR")
    options = parser.parse_args(argv)
    verdicts = [verdict(name, Path(options.project)) for name in options.images]
    print(HEAD)
    print("\n".join(table(verdicts)))
    print(FOOT, end="")
    return 0 if all(one["passed"] for one in verdicts) else 1


def verdict(name: str, project: Path) -> dict[str, Any]:
    """What `imgbuild test --door all` says of an image."""
    words = ["test", name, "-C", str(project), "--only", "python", "--door", "all", "--json"]
    done = proc.run([sys.executable, "-m", "builder.cli", *words], check=False)
    if done.code not in {0, 6}:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(verdicts: list[dict[str, Any]]) -> list[str]:
    """The table in Markdown, what failed, and where it was run."""
    columns = [
        (one, environment)
        for one in verdicts
        for environment in dict.fromkeys(result["environment"] for result in one["results"])
    ]
    heads = [
        environment if one["image"] == environment else f"{environment} of {one['image']}"
        for one, environment in columns
    ]
    lines = [row(["Door", "As typed", *heads]), row(["---"] * (2 + len(heads)))]
    for door in DOORS:
        cells = [outcome(one, environment, door.name) for one, environment in columns]
        lines.append(row([f"`{door.name}`", door.shown, *cells]))
    engines = ", ".join(dict.fromkeys(one["engine"] for one in verdicts))
    stand_in = ", with a stand-in for the conda installer" if any(one["stand_in"] for one in verdicts) else ""
    return [*lines, "", f"Run on {engines}{stand_in}."]


def outcome(one: dict[str, Any], environment: str, door: str) -> str:
    """`yes`, or what came instead with its reason."""
    wanted = (f"door:{door}", environment)
    result = next(found for found in one["results"] if (found["name"], found["environment"]) == wanted)
    return "yes" if result["outcome"] == "passed" else f"**{result['outcome']}**: {result['reason']}"


def row(cells: list[str]) -> str:
    """One line of a table."""
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
