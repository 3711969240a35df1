"""Locking without the start of the program: python -m benchmarks.inside MIRROR prints the seconds it took.

Run in a project with an environment `big`. What is timed is all that `imgbuild lock` does once it runs: reading the
definition, solving, checking, writing; the modules are loaded before, as rattler is for the yardstick.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import builder.lock.make  # noqa: F401  (loaded late by the command)
from builder.progress import silent
from builder.settings.model import Settings
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.upstream import CHANNEL_ALIAS, Upstream
from builder.workflow.locking import make_and_write


def main(mirror: str) -> None:
    """Lock once."""
    begun = time.perf_counter()
    spec = load_image(find_project(Path.cwd()), "big")
    source = Upstream(read=lambda: Settings(mirrors={f"{CHANNEL_ALIAS}/": mirror}))
    make_and_write(spec, "linux/amd64", source, silent)
    print(time.perf_counter() - begun, flush=True)
    time.sleep(0.02)  # or rattler's threads may abort the ending interpreter (see builder.cli)


if __name__ == "__main__":
    main(sys.argv[1])
