"""What the truth tests need of the machine: a linker and nm, for the stand-in of torch."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    """gcc and binutils; installed where that can be done, and asked for where not."""
    if shutil.which("gcc") and shutil.which("nm"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.fail("gcc and nm are needed to link a stand-in of torch: apt-get install gcc")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environ)
    subprocess.run(["apt-get", "install", "-y", "-qq", "gcc", "binutils"], check=True, env=environ)
