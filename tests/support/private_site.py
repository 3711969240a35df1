"""A project whose channel wants a token and whose wheel index a password, both on loopback; and a home of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.guarded import Guarded, Rule, basic, guarded, token
from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.tls import Company
from tests.support.web import simple_index
from tests.support.wheel_samples import write_wheel
from tests.support.workshop import REPOSITORY, Ran, imgbuild

TOKEN = "tk-5f0a91c7e2d84b36-private"
USER, PASSWORD = "builder-7", "pa%ss/w0rd:9c1f&e"
SECRETS = (TOKEN, PASSWORD)
INSTALLER = b"#!/bin/sh\n# an installer, as it were\n"


@dataclass
class Site:
    """home: the user's; root: the project; channel and wheels: the servers."""

    home: Path
    root: Path
    channel: Guarded
    wheels: Guarded
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, **env: str) -> Ran:
        """Run `imgbuild WORDS` with this home and these variables, and nothing of the developer's."""
        return imgbuild(words, self.root, {**self.environ, **env})

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "IMGBUILD_CACHE": str(self.home / "store"),
            "IMGBUILD_SETTINGS": "none",
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "TMPDIR": str(self.home / "tmp"),
            **self.variables,
        }

    @property
    def lock_text(self) -> str:
        folder = self.root / "envs" / "secretive"
        return "".join(path.read_text() for path in sorted(folder.glob("*lock*")))

    def channel_is(self, name: str, address: str = "") -> None:
        """Let the definition name another channel: one of the server, or any address."""
        _write_project(self.root, address or f"{self.channel.url}/{name}")

    def installer(self) -> tuple[str, ...]:
        path = self.home / "Miniconda3-py311_26.5.3-1-Linux-x86_64.sh"
        path.write_bytes(INSTALLER)
        return ("--installer", str(path), "--installer-sha256", hashlib.sha256(INSTALLER).hexdigest())

    def keep_token_in_condarc(self) -> None:
        (self.home / ".condarc").write_text(
            f"channels:\n  - {self.channel.url}/t/${{CHANNEL_TOKEN}}/private\n"
        )
        self.variables["CHANNEL_TOKEN"] = TOKEN

    def keep_password_in_netrc(self) -> None:
        path = self.home / ".netrc"
        path.write_text(f"machine 127.0.0.1\n  login {USER}\n  password {PASSWORD}\n")
        path.chmod(0o600)

    def files_with(self, secret: str, *, but: tuple[str, ...] = (".netrc", ".condarc")) -> list[Path]:
        """Every file below home and project that holds the secret's bytes."""
        return [
            path
            for folder in (self.home, self.root)
            for path in folder.rglob("*")
            if path.is_file() and path.name not in but and secret.encode() in path.read_bytes()
        ]


def _write_project(root: Path, channel: str) -> None:
    folder = root / "envs" / "secretive"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "environment.yml").write_text(
        f"name: secretive\nchannels: [{channel}, nodefaults]\n"
        "dependencies:\n  - python=3.11\n  - inner\n  - pip:\n      - inner-wheel\n"
    )
    (folder / "image.yml").write_text(
        "summary: What a company keeps to itself\nbase: lab\ninstaller: miniconda=26.5.3-1\nplatforms: [linux/amd64]\n"
    )
    (root / "envs" / "_bases.yml").write_text(
        "lab:\n  ref: 127.0.0.1:1/lab/debian:bookworm-slim\n  family: debian\n  suite: bookworm\n"
        "  glibc: '2.36'\n  platforms: [linux/amd64]\n"
    )


@contextmanager
def private_site(
    tmp: Path,
    *,
    rules: tuple[Rule, Rule] = (token(TOKEN), basic(USER, PASSWORD)),
    tls: Company | None = None,
    hosts: tuple[str, str] | None = None,
) -> Iterator[Site]:
    """The servers and the project, without credentials anywhere yet.

    rules: who may, at the channel and at the index. hosts: what both are called, where only a proxy finds them.
    """
    home, root, channel = tmp / "home", tmp / "project", tmp / "channel"
    (home / "tmp").mkdir(parents=True)
    add_conda(channel, "python", "3.11.9", subdir="linux-64")
    add_conda(channel, "inner", "1.0", depends=["python"])
    index(channel)
    wheels = tmp / "wheels"
    add_wheel(wheels, "inner-wheel", "2.0")
    write_wheel(wheels, "uv", "0.9.9", files={"uv-0.9.9.data/scripts/uv": b"#!/bin/sh\n"})
    simple = simple_index(tmp / "simple", wheels)
    load = tls.load if tls else None
    with (
        guarded({"private": channel}, rules[0], tls=load) as conda,
        guarded({"simple": simple, "packages": wheels}, rules[1], tls=load) as pip,
    ):
        urls = [f"https://{host}" for host in hosts] if hosts else [conda.url, pip.url]
        _write_project(root, f"{urls[0]}/private")
        site = Site(home, root, conda, pip)
        site.variables["IMGBUILD_WHEEL_INDEX"] = f"{urls[1]}/simple"
        yield site
