"""All that an image holds: its merged file system as containers see it, and its configuration."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True)
class Entry:
    """One file, directory or link. content is the sha256 of a file's bytes; mtime in seconds."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    content: str
    mtime: float


def docker_at(host: str | None, *words: str) -> str:
    """A docker command at an engine; its output."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, env=_environ(host), check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def _environ(host: str | None) -> dict[str, str]:
    return {**os.environ, **({"DOCKER_HOST": host} if host else {})}


def files_of(image: str, host: str | None = None) -> dict[str, Entry]:
    """Every entry of `docker export` by its name."""
    container = docker_at(host, "create", image)
    try:
        command = subprocess.Popen(
            ["docker", "export", container], stdout=subprocess.PIPE, env=_environ(host)
        )
        assert command.stdout is not None
        with command.stdout, tarfile.open(fileobj=command.stdout, mode="r|") as tar:
            found = {member.name: _entry(tar, member) for member in tar}
        assert command.wait() == 0
    finally:
        docker_at(host, "rm", "--volumes", container)
    return found


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    stream = tar.extractfile(member) if member.isreg() else None
    content = hashlib.sha256(stream.read()).hexdigest() if stream else ""
    return Entry(member.type, member.mode, (member.uid, member.gid), member.linkname, content, member.mtime)


def config_of(image: str, host: str | None = None) -> dict[str, Any]:
    """What `docker inspect` says of an image but its id, names, times, size and layers' hashes."""
    document = json.loads(docker_at(host, "inspect", image))[0]
    apart = ("Id", "RepoTags", "RepoDigests", "Created", "Metadata", "GraphDriver", "RootFS", "Parent", "Size",
             "VirtualSize", "ContainerConfig", "Container")  # fmt: skip
    return cast("dict[str, Any]", {key: value for key, value in document.items() if key not in apart})
