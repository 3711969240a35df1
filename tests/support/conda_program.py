"""conda as a program for the contract's tests: the stand-in, or what IMGBUILD_REAL_INSTALLER installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import proc
from tests.support.conda_packages import Made

REAL = os.environ.get("IMGBUILD_REAL_INSTALLER", "")
CHANNEL = os.environ.get("IMGBUILD_REAL_CHANNEL", "").removeprefix("file://")
CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TRAVIS", "CIRCLECI", "APPVEYOR", "TF_BUILD", "BUILDKITE",
                "JENKINS_URL", "CODEBUILD_BUILD_ID")  # fmt: skip

MINIFORGE = "miniforge" in Path(REAL).name.lower()
ANACONDA = (("repo.anaconda.com", "pkgs/main"), ("repo.anaconda.com", "pkgs/r"))
UNWANTED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME")


def know_terms(home: Path) -> None:
    """What conda caches in a home once it reached Anaconda's channels: without it, offline, none of them has terms."""
    folder = home / ".cache" / "conda-anaconda-tos"
    folder.mkdir(parents=True, exist_ok=True)
    terms = {"version": "2025-07-15T00:00:00Z", "text": "the terms", "support": "nowhere"}
    for location, name in ANACONDA:
        digest = hashlib.sha256(f"{location}{name}".encode()).hexdigest()
        (folder / f"{digest}.cache").write_text(json.dumps(terms))


@dataclass
class Conda:
    """conda as a program, with a home and package directories of its own."""

    root: Path
    home: Path
    pkgs: Path
    second: Path
    work: Path
    wrapper: Sequence[str] = ()

    @property
    def exe(self) -> Path:
        return self.root / "bin" / "conda"

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        places = {"HOME": str(self.home), "CONDA_PKGS_DIRS": f"{self.pkgs},{self.second}"}
        return {**places, **(more or {})}

    def __call__(
        self, *words: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None
    ) -> proc.Finished:
        return proc.run(
            [*self.wrapper, self.exe, *words],
            env=self.variables(env),
            stdin=stdin,
            check=False,
            cwd=self.work,
        )

    def json(self, *words: str | Path) -> Any:
        return json.loads(self.ok(*words, "--json").stdout)

    def ok(self, *words: str | Path, **more: Any) -> proc.Finished:
        done = self(*words, **more)
        assert done.code == 0, done.stderr + done.stdout
        return done

    def provide(self, *made: Made, urls: bool = True) -> None:
        """Put archives into the second package directory, with a urls.txt of their canonical addresses."""
        self.second.mkdir(exist_ok=True)
        for one in made:
            shutil.copy(one.path, self.second)
        if urls:
            (self.second / "urls.txt").write_text("".join(f"{one.url}\n" for one in made))

    def unpacked(self, made: Made) -> Path:
        """Where conda unpacked an archive: in its own directory, or in the second where that can be written."""
        return next(path for path in (self.pkgs / made.dist, self.second / made.dist) if path.is_dir())

    def lock(self, *lines: str, head: str = "# platform: linux-64\n@EXPLICIT\n") -> Path:
        path = self.work / "explicit.txt"
        path.write_text(head + "".join(f"{line}\n" for line in lines))
        return path

    def create(
        self, prefix: Path, *lines: str, words: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> proc.Finished:
        """The command of an image's build."""
        return self(
            "create", "-y", "-q", "-p", prefix, "--offline", "--override-channels", "-c", "conda-forge",
            "--file", self.lock(*lines), *words, env=env,
        )  # fmt: skip

    def shell(
        self, script: str, *, shell: str = "bash", env: Mapping[str, str] | None = None
    ) -> proc.Finished:
        return proc.run([shell, "-c", script], env=self.variables(env), check=False, cwd=self.work)
