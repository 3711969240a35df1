"""A project with the shipped environments and the tests' own, and a kit made for all of them, once per run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PREFIX = "imgbuild-test"
COMMAND = (sys.executable, "-m", "builder.cli")
KIT_IMAGES = ("regression", "report", "tiny", "two", "broken", "hanging", "offline", "hostile")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its `--json` answer."""
        return json.loads(self.out)


def imgbuild(words: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Ran:
    """Run `imgbuild WORDS` to its end, with this interpreter and no more variables than these."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Workshop:
    """A project directory, a kit and a store that belong to one test run."""

    root: Path
    kit: Path
    cache: Path

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment a command runs in: nothing of the developer's own imgbuild settings."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith("IMGBUILD_") and key != "CI"
        }
        mine = {"IMGBUILD_CACHE": str(self.cache), "IMGBUILD_PREFIX": PREFIX, "PYTHONPATH": str(REPOSITORY)}
        mine["IMGBUILD_SETTINGS"] = "none"
        return {**kept, **mine, **(more or {})}

    def run(self, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ran:
        """Run `imgbuild WORDS` as a user would, to its end."""
        return imgbuild(words, cwd or self.root, self.environ(env))

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `imgbuild WORDS` and leave it running."""
        return subprocess.Popen(
            self.argv(*words),
            cwd=self.root,
            env=self.environ(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def argv(*words: str) -> list[str]:
        """The command line of `imgbuild WORDS` with this interpreter."""
        return [*COMMAND, *words]


def project_at(root: Path) -> Path:
    """A project of the shipped environments and the tests' own."""
    shutil.copytree(REPOSITORY / "envs", root / "envs")
    shutil.copytree(HERE / "envs", root / "envs", dirs_exist_ok=True)
    return root
