"""A project whose conda channel and wheel index are folders of the test, several versions of everything in them."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.web import serve, simple_index
from tests.support.workshop import COMMAND, REPOSITORY, Ran, imgbuild

FORGE = "https://conda.anaconda.org/conda-forge"


@dataclass(frozen=True)
class Lab:
    """root holds envs/; channel stands for conda-forge."""

    root: Path
    channel: Path
    wheels: Path
    simple: Path

    def conda(self, name: str, version: str, *depends: str, build: str = "0", subdir: str = "noarch") -> None:
        add_conda(self.channel, name, version, build, subdir=subdir, depends=depends)

    def wheel(self, name: str, version: str, *needs: str) -> None:
        add_wheel(self.wheels, name, version, needs=needs)

    def publish(self) -> None:
        """Make what was added known."""
        index(self.channel)
        shutil.rmtree(self.simple, ignore_errors=True)
        simple_index(self.simple, self.wheels)

    def withdraw(self, name: str, version: str) -> None:
        for path in [*self.channel.rglob(f"{name}-{version}-*"), *self.wheels.glob(f"{name}-{version}-*")]:
            path.unlink()
        for path in (*self.channel.rglob("repodata*"), *self.channel.rglob("*.msgpack.zst")):
            path.unlink()
        self.publish()

    def define(self, environment: str, image: str = "", name: str = "app") -> Path:
        folder = self.root / "envs" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "environment.yml").write_text(environment)
        if image:
            (folder / "image.yml").write_text(image)
        return folder

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> Ran:
        """`imgbuild WORDS` as a user would, without an engine."""
        return imgbuild(words, cwd or self.root, self.environ(env))

    def good(self, *words: str, **env: str) -> Ran:
        """The same, and it has to end well."""
        done = self.run(*words, **env)
        assert done.code == 0, done.err + done.out
        return done

    def on_a_terminal(self, *words: str, columns: int) -> str:
        """What stands on a terminal of so many columns afterwards."""
        ours, theirs = pty.openpty()
        done = subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.root,
            env=self.environ({"COLUMNS": str(columns), "TERM": "xterm"}),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        text = b""
        while done.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    text += os.read(ours, 65536)
                except OSError:
                    break
        os.close(ours)
        done.wait()
        return text.decode()

    def locks(self, name: str = "app") -> dict[str, bytes]:
        """The lock files of an image by their names."""
        folder = self.root / "envs" / name
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*lock*"))}

    def versions(self, name: str = "app", platform: str = "linux/amd64", variant: str = "") -> dict[str, str]:
        """What the first environment of an image has locked."""
        import yaml

        page = self.root / "envs" / name / f"conda-lock{f'.{variant}' if variant else ''}.yml"
        subdir = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}[platform]
        rows: list[dict[str, Any]] = yaml.safe_load(page.read_text())["package"]
        return {row["name"]: row["version"] for row in rows if row["platform"] == subdir}

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def environ(self, env: Mapping[str, str]) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith("IMGBUILD_") and key != "CI"
        }
        places = {
            "UV_CACHE_DIR": str(self.root.parent / "uv"),
            "IMGBUILD_CACHE": str(self.root.parent / "cache"),
        }
        mine = {"PYTHONPATH": str(REPOSITORY), "IMGBUILD_SETTINGS": "none", "NO_PROXY": "127.0.0.1"}
        gone = {"DOCKER_HOST": f"unix://{self.root}/no-engine.sock"}
        return {**kept, **places, **mine, **gone, **env}


@contextmanager
def lab_at(home: Path) -> Iterator[Lab]:
    """A lab with python, and with the tool that installs wheels."""
    made = Lab(home / "project", home / "channel", home / "wheels", home / "simple")
    (made.root / "envs").mkdir(parents=True)
    with serve({"simple": made.simple, "packages": made.wheels}) as web:
        mirrors = {f"{FORGE}/": f"{made.channel.as_uri()}/"}
        settings = {"mirrors": mirrors, "wheel_index": f"{web.url}/simple"}
        (made.root / "imgbuild.yml").write_text(json.dumps(settings))
        made.conda("python", "3.11.2")
        made.wheel("uv", "0.0.1")
        yield made
