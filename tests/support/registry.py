"""Debian's registry on the engine's own loopback: in a container with the engine's network, wherever that is."""

from __future__ import annotations

import atexit
import functools
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE = "imgbuild-test/registry:1"
CONFIG = b'version: 0.1\nstorage: {filesystem: {rootdirectory: /data}}\nhttp: {addr: "127.0.0.1:0"}\n'


def docker(*words: str, stdin: bytes | None = None) -> str:
    """Run a docker command; its output."""
    done = subprocess.run(["docker", *words], capture_output=True, input=stdin, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


@functools.cache
def program() -> Path:
    """The registry's program: installed, or taken out of Debian's package, once in a run, without installing it."""
    installed = shutil.which("docker-registry")
    if installed:
        return Path(installed)
    folder = Path(tempfile.mkdtemp(prefix="imgbuild-test-registry-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = _downloaded(folder)
    if done.returncode:  # a machine whose lists are old, or that never had any
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        done = _downloaded(folder)
    packages = list(folder.glob("*.deb"))
    assert packages, (
        f"these tests push to a registry of their own: apt-get install docker-registry\n{done.stderr}"
    )
    subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(folder)], check=True)
    return folder / "usr/bin/docker-registry"


def _downloaded(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", "download", "docker-registry"], cwd=folder, capture_output=True, text=True, check=False
    )


@contextmanager
def registry(base_tar: Path, folder: Path) -> Iterator[str]:
    """Run a registry on the base's system; `127.0.0.1:PORT` as the engine reaches it."""
    with base_tar.open("rb") as tar:
        subprocess.run(["docker", "import", "-", IMAGE], stdin=tar, capture_output=True, check=True)
    name = docker("create", "--network", "host", "--user", "0", IMAGE, "/registry", "serve", "/registry.yml")
    try:
        docker("cp", "-", f"{name}:/", stdin=_files(program()))
        docker("start", name)
        yield f"127.0.0.1:{_port(name)}"
    finally:
        docker("rm", "--force", "--volumes", name)
        docker("rmi", "--force", IMAGE)


def _files(binary: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data, mode in (("registry", binary.read_bytes(), 0o755), ("registry.yml", CONFIG, 0o644)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), mode
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def _port(name: str) -> int:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        done = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", done.stderr + done.stdout)
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"the registry does not listen: {done.stderr}")
