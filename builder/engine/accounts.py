"""The caller's account in a container: a UID without a name is nobody to a shell, and a fault to many tools."""

from __future__ import annotations

import io
import tarfile

import docker

from builder.engine.archives import unpack
from builder.engine.attended import Account
from builder.engine.faults import translated
from builder.engine.streams import archive

_FOLDER = "/etc"


def add_account(api: docker.APIClient, container_id: str, account: Account) -> None:
    """Name the account's numbers in the /etc/passwd and /etc/group of a container that was not started yet.

    What the image names already stays as it is.
    """
    files = {
        "passwd": f"{account.name}:*:{account.uid}:{account.gid}::{account.home}:/bin/bash",
        "group": f"{account.name}:*:{account.gid}:",
    }
    added = {}
    for name, line in files.items():
        text = _read(api, container_id, name)
        if text is not None and (more := with_line(text, line)) != text:
            added[name] = more
    if added:
        with translated("naming the user of a container"):
            api.put_archive(container_id, _FOLDER, _tar(added))


def with_line(text: str, line: str) -> str:
    """A table with one more line, where neither its name nor its number is taken; another name for a taken one."""
    name, _, number, *_ = line.split(":")
    rows = [row.split(":") for row in text.splitlines()]
    if any(row[2:3] == [number] for row in rows):
        return text
    if any(row[0] == name for row in rows):
        line = line.replace(name, f"{name}-{number}", 1)
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}{line}\n"


def _read(api: docker.APIClient, container_id: str, name: str) -> str | None:
    doing = f"reading {_FOLDER}/{name} of a container"
    response = archive(api, container_id, f"{_FOLDER}/{name}", doing)
    if response is None:
        return None
    with response, translated(doing):
        data = unpack(response.iter_content(chunk_size=None), f"{_FOLDER}/{name}").get(name)
    return None if data is None else data.decode(errors="surrogateescape")


def _tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            data = text.encode(errors="surrogateescape")
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
