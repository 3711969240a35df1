"""Package archives as the machine's own apt is told to reach them: its servers, transports, proxies, credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder import proc
from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.store.bootstrap.apt import ORIGINS, Apt
from builder.store.cache import hash_file, mismatch, same

_HELPER = "/usr/lib/apt/apt-helper"
_FIX = "run `apt-get update` to see whether the machine's package sources answer, then try again"
_NOT_THERE = re.compile(r"\b(?:404|410)\b|Not Found|does not have|No such file", re.IGNORECASE)


class MachineArchive:
    """The Archive of a kit: a suite that the machine's apt has is asked at the machine's server for it.

    A base names its distribution's own servers, and the machine may use another one for the same suite.
    """

    def __init__(self, apt: Apt) -> None:
        self._apt = apt
        self._folder = apt.state / "fetched"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._servers = machine_servers(apt)
        self._places: dict[str, str] = {}  # archive, as the base names it, to the machine's server

    def text(self, url: str, suite: str) -> bytes | None:
        """A release file, asked each time."""
        archive = url.partition("/dists/")[0]
        servers = self._servers.get(suite, ())
        server = archive if archive in servers or not servers else servers[0]
        self._places.setdefault(archive, server)
        target = self._folder / "release"
        target.unlink(missing_ok=True)
        log = self._download(server + url.removeprefix(archive), target)
        if target.is_file():
            return target.read_bytes()
        if _NOT_THERE.search(log):
            return None
        raise BuildError(f"cannot fetch the release file of {suite}", where=url, fix=_FIX, detail=log)

    def files(self, wanted: Sequence[tuple[LockedFile, str]]) -> Mapping[str, Path]:
        """Each in a folder of the bootstrap's cache, by its hash."""
        return {file.sha256: self._file(file) for file, _suite in wanted}

    def _file(self, file: LockedFile) -> Path:
        target = self._folder / file.sha256
        if target.is_file() and same(file, *hash_file(target)):
            return target
        target.unlink(missing_ok=True)
        log = self._download(self._address(file.url), target, f"SHA256:{file.sha256}")
        if not target.is_file():
            raise BuildError(f"cannot fetch {file.filename}", where=file.url, fix=_FIX, detail=log)
        got = hash_file(target)
        if not same(file, *got):
            target.unlink()
            raise mismatch(file, *got, place=file.url, fix=_FIX)
        return target

    def _address(self, url: str) -> str:
        known = [archive for archive in self._places if url.startswith(f"{archive}/")]
        if not known:
            return url
        archive = max(known, key=len)
        return self._places[archive] + url.removeprefix(archive)

    def _download(self, url: str, target: Path, *words: str) -> str:
        """What apt said; whether it went well is seen by the file."""
        done = proc.run(
            [_HELPER, *self._apt.options(), "download-file", url, target, *words],
            env={"LC_ALL": "C"},
            check=False,
        )
        if done.code != 0:
            target.unlink(missing_ok=True)
        return done.stdout + done.stderr


def machine_servers(apt: Apt) -> dict[str, tuple[str, ...]]:
    """Where the machine's apt gets each suite of its distribution from, as its lists say.

    Others (Docker's, say) have suites of the same names, and are not asked for the distribution's.
    """
    shape = "$(RELEASE)|$(CODENAME)|$(REPO_URI)|$(ORIGIN)"
    words = ["apt-get", *apt.options(), "indextargets", "--format", shape, "Created-By: Packages"]
    found: dict[str, dict[str, None]] = {}
    for row in proc.run(words, env={"LC_ALL": "C"}, check=False).stdout.splitlines():
        release, codename, uri, origin = row.split("|")
        if origin in ORIGINS:
            for suite in (release, codename):
                found.setdefault(suite, {})[uri.rstrip("/")] = None
    return {suite: tuple(servers) for suite, servers in found.items()}
