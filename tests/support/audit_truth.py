"""The corpus of real artefacts (audit_truth.yml, audit_wheels.json) as plain data, and how its wheels are installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

PYTHON = "3.11"
UV = str(Path(sys.executable).with_name("uv"))
TRUTH: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())
WHEELS = Path(__file__).with_name("audit_wheels.json")


def platform_of(machine: str) -> str:
    """What uv calls it; Debian 12's glibc."""
    return f"{machine}-manylinux_2_36"


def wheels() -> dict[str, Any]:
    """`wheels` by requirement and `stacks` by name, each wheel with name, version, file, size, sha256."""
    found: dict[str, Any] = json.loads(WHEELS.read_text())
    return found


def install(folder: Path, chosen: Iterable[Mapping[str, Any]], machine: str = "x86_64") -> None:
    """Unpack wheels into a folder, checked against their sha256. The Python that runs this need not be theirs."""
    asked = folder.with_name(f"{folder.name}.txt")
    asked.write_text(
        "".join(f"{one['name']}=={one['version']} --hash=sha256:{one['sha256']}\n" for one in chosen)
    )
    where = ("--python-version", PYTHON, "--python-platform", platform_of(machine))
    options = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--native-tls")
    argv = [UV, "pip", "install", "-q", *options, *where, "--target", str(folder), "-r", str(asked)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
