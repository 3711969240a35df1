"""A project whose every byte comes from a hostile server: what it serves, the definition, and the command."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.hostile_upstream import Hostile
from tests.support.workshop import REPOSITORY, Ran, imgbuild

INSTALLER = "Miniforge3-26.3.2-3-Linux-x86_64.sh"
INSTALLER_PATH = f"/miniforge/26.3.2-3/{INSTALLER}"
FORGE = "https://github.com/conda-forge/miniforge/releases/download/"
ENVIRONMENT = """\
name: lab
channels: [https://conda.example.org/lab]
dependencies:
  - python=3.11
  - alpha>=2
  - pip:
      - gamma
      - delta-two>=1
"""
KEPT = (".netrc", ".condarc", "credentials.json")  # where the secrets are, and may be
IMAGE = """\
summary: All of it from a server that misbehaves
base: lab
installer: miniforge=26.3.2-3
"""
BASES = """\
lab:
  ref: registry.example.org/lab/debian:bookworm-slim
  family: debian
  suite: bookworm
  glibc: '2.36'
  platforms: [linux/amd64]
"""


def noise(name: str, count: int) -> bytes:
    """Bytes that no compressor makes small."""
    return random.Random(name).randbytes(count)


@cache
def served() -> Mapping[str, bytes]:
    """The files by path: made once, and the same at every run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _channel(folder / "conda" / "lab")
        _wheels(folder / "packages")
        installer = folder / "miniforge" / "26.3.2-3" / INSTALLER
        installer.parent.mkdir(parents=True)
        installer.write_bytes(b"#!/bin/sh\nexit 1\n" + noise("installer", 3_000_000))
        return {
            f"/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def formatted(kind: str) -> Mapping[str, bytes]:
    """The files with one form of the channel's index: `shards`, `zst` or `json`."""
    gone = {"shards": ("-",), "zst": ("shards",), "json": ("shards", "repodata.json.zst")}[kind]
    return {
        path: body for path, body in served().items() if not any(word in path for word in gone if word != "-")
    }


def _channel(folder: Path) -> None:
    from tests.support.conda_packages import Recipe, make
    from tests.support.local_channel import index

    for recipe in (
        Recipe("python", {"bin/python3.11": noise("python", 1_500_000)}, "3.11.9", build="h0_0_cpython"),
        Recipe(
            "alpha", {"share/alpha": noise("alpha", 200_000)}, "2.1", noarch="generic", depends=("beta >=1",)
        ),
        Recipe("alpha", {"share/alpha": b"old"}, "1.0", noarch="generic"),
        Recipe("beta", {"share/beta": noise("beta", 20_000)}, "1.4", depends=("zeta",)),
        Recipe("zeta", {"share/zeta": b"small"}, "0.1", noarch="generic", extension=".tar.bz2"),
    ):
        make(folder / ("noarch" if recipe.noarch else "linux-64"), recipe)
    index(folder)


def _wheels(folder: Path) -> None:
    from tests.support.wheel_samples import write_wheel

    folder.mkdir()
    write_wheel(folder, "gamma", "1.0", files={"gamma/old": b"old"})
    write_wheel(
        folder,
        "gamma",
        "2.0",
        files={"gamma/data": noise("gamma", 400_000)},
        metadata=["Requires-Dist: epsilon"],
    )
    write_wheel(folder, "delta-two", "1.2", files={"delta_two/data": noise("delta", 5_000)})
    write_wheel(folder, "epsilon", "0.3")
    tag = "py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64"
    write_wheel(
        folder,
        "uv",
        version("uv"),
        tag=tag,
        files={f"uv-{version('uv')}.data/scripts/uv": noise("uv", 1_000_000)},
    )


@dataclass(frozen=True)
class HostileSite:
    """A project, a store and caches of its own in `home`, and the server that all is asked of."""

    home: Path
    server: Hostile

    @property
    def root(self) -> Path:
        return self.home / "project"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def locks(self) -> dict[str, str]:
        """The lock files by name."""
        folder = self.root / "envs" / "lab"
        names = ("conda-lock.yml", "imgbuild.lock.json")
        return {name: (folder / name).read_text() for name in names if (folder / name).exists()}

    @property
    def packages(self) -> list[str]:
        """The paths of what is locked: installer, packages and wheels."""
        old = ("/alpha-1.0", "/gamma-1.0")
        kinds = (".sh", ".conda", ".tar.bz2", ".whl")
        return [
            path for path in self.server.files if path.endswith(kinds) and not any(one in path for one in old)
        ]

    @property
    def wanted(self) -> dict[str, bytes]:
        """What the store and the context have to hold in the end, by name."""
        return {path.rpartition("/")[2]: self.server.files[path] for path in self.packages}

    @property
    def paths(self) -> list[str]:
        """What a run cannot do without: the packages, the channel's index as it is asked for first, wheels' pages."""
        indexes = [path for path in self.server.files if "repodata" in path]
        best = ("shards.msgpack.zst", "repodata.json.zst", "repodata.json")
        last = next(name for name in best if any(path.endswith(name) for path in indexes))
        pages = [f"/simple/{name}/" for name in ("gamma", "delta-two", "epsilon", "uv")]
        return [*self.packages, *(path for path in indexes if path.endswith(last)), *pages]

    def write(self) -> None:
        folder = self.root / "envs" / "lab"
        folder.mkdir(parents=True)
        (folder / "environment.yml").write_text(ENVIRONMENT)
        (folder / "image.yml").write_text(IMAGE)
        (self.root / "envs" / "_bases.yml").write_text(BASES)
        places = {
            FORGE: "miniforge/",
            "https://conda.example.org/": "conda/",
            "https://wheels.example.org/packages/": "packages/",
        }
        mirrors = "".join(f"  {prefix}: {self.server.url}/{place}\n" for prefix, place in places.items())
        (self.root / "imgbuild.yml").write_text(
            f"mirrors:\n{mirrors}wheel_index: {self.server.url}/simple/\n"
        )

    def keep_secrets(self, place: str) -> None:
        """Put what the server demands where other tools keep it: `netrc`, `condarc` or `rattler` (a bearer token)."""
        secrets, home = self.server.secrets, self.home / "home"
        assert secrets is not None
        home.mkdir(exist_ok=True)
        host = urlsplit(self.server.url).netloc
        self._keep(
            home / ".netrc", f"machine 127.0.0.1\n  login {secrets.user}\n  password {secrets.password}\n"
        )
        if place == "condarc":
            self._keep(home / ".condarc", f"channels:\n  - http://{host}/t/{secrets.token}/conda/lab\n")
        if place == "rattler":
            kept = {"127.0.0.1": {"BearerToken": secrets.token}}
            self._keep(home / ".rattler" / "credentials.json", json.dumps(kept))

    @staticmethod
    def _keep(path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Nothing of the developer's own: a home, a store, caches and no engine."""
        home = self.home / "home"
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        home.mkdir(exist_ok=True)
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(self.home / "tmp"),
            "PYTHONPATH": str(REPOSITORY),
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "DOCKER_HOST": f"unix://{self.home}/no-engine.sock",
            "IMGBUILD_CACHE": str(self.cache),
            "IMGBUILD_SETTINGS": "none",
            "UV_CACHE_DIR": str(self.home / "uv"),
            **(more or {}),
        }

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> Ran:
        return imgbuild(words, self.root, self.environ(env))

    def lock(self, env: Mapping[str, str] | None = None) -> Ran:
        sha256 = hashlib.sha256(self.server.files[INSTALLER_PATH]).hexdigest()
        return self.run(
            "lock",
            "lab",
            "--installer",
            f"{FORGE}26.3.2-3/{INSTALLER}",
            "--installer-sha256",
            sha256,
            env=env,
        )

    def render(self, env: Mapping[str, str] | None = None) -> Ran:
        return self.run("render", "lab", "--locked", "--output", str(self.home / "context"), env=env)
