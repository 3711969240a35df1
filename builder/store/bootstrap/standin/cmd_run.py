"""run: a program in an environment. Output is held back until it ends unless told; its exit code passes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from builder.store.bootstrap.standin import environment
from builder.store.bootstrap.standin.activate import Activator
from builder.store.bootstrap.standin.errors import ArgumentError, CondaError
from builder.store.bootstrap.standin.settings import Settings

SHELL = "bash"


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Activate, run, print, and return the program's exit code."""
    words = arguments.executable_call
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise ArgumentError("No command specified. Please provide a command to run.")
    prefix = environment.check_exists(environment.prefix_for(settings, arguments.name, arguments.prefix))
    change = Activator(settings).activate(prefix).text()
    program = [SHELL, "-c", f'{change}"$@"', "conda-run", *words]
    held = not arguments.no_capture_output
    sys.stdout.flush()
    try:
        done = subprocess.run(program, cwd=arguments.cwd, capture_output=held, check=False)
    except OSError as error:
        raise CondaError(f"{words[0]}: {error}") from error
    if held:
        os.write(1, b"") if not done.stdout else sys.stdout.buffer.write(done.stdout)
        sys.stderr.buffer.write(done.stderr)
        sys.stdout.flush()
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    if code and held:
        print(
            f"\nERROR conda.cli.main_run:execute: `conda run {' '.join(words)}` failed. (See above for error)",
            file=sys.stderr,
        )
    return code
