"""The indexes of package archives, fetched by this machine for the apt of a base that has no network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import requests

from builder.errors import BuildError
from builder.lock.apt.release import read_release
from builder.lock.apt.sources import Repository, numbered
from builder.lock.model import AptRelease, LockedFile
from builder.lock.source import Source
from builder.network.redact import public
from builder.network.session import Session
from builder.progress import Observer
from builder.settings.patience import Policy, patiently, read_policy
from builder.store.cache import CHUNK, Mismatch, Store
from builder.store.download import CUT, fault_of
from builder.store.fetch import fetch
from builder.store.transfer import AGAIN, Cut

_LARGEST = 16 << 20  # bytes; a release file has some hundred kilobytes
_FIX = "check network and proxy settings, or name a mirror in the settings (mirrors:)"


class Archive(Protocol):
    """Where the files of package archives come from. URLs are those that the base's sources name."""

    def text(self, url: str, suite: str) -> bytes | None:
        """A release file or its signature; None where the archive has no such file. Raises BuildError."""

    def files(self, wanted: Sequence[tuple[LockedFile, str]]) -> Mapping[str, Path]:
        """Files with their suites; paths by sha256, each checked. Raises BuildError."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """files: bytes by path below the folder of the archives (`0/dists/bookworm/InRelease`)."""

    files: Mapping[str, bytes]
    releases: tuple[AptRelease, ...]


def collect(repositories: Sequence[Repository], architecture: str, archive: Archive) -> Indexes:
    """All that apt reads of these repositories. Nothing of it is trusted here: the base's apt checks it.

    Raises BuildError where an archive does not answer or has no release file.
    """
    places = numbered(repositories)
    files: dict[str, bytes] = {}
    wanted: dict[str, tuple[LockedFile, str, str]] = {}  # by path
    releases = []
    for one in repositories:
        below = f"{places[one.uri]}/{one.release_folder}"
        texts = _release_texts(one, archive)
        files |= {f"{below}{name}": data for name, data in texts.items()}
        main = next(iter(texts.values()))
        release = read_release(main.decode("utf-8", errors="replace"))
        sha256 = hashlib.sha256(main).hexdigest()
        releases.append(AptRelease(uri=one.uri, suite=one.suite, date=release.date, sha256=sha256))
        folder = f"{one.uri}/{one.release_folder}"
        for name in one.indexes(release.architectures(architecture)):
            index = release.index(name, folder)
            if index is not None:
                by_hash = (
                    f"{index.url.rsplit('/', 1)[0]}/by-hash/SHA256/{index.sha256}" if release.by_hash else ""
                )
                wanted[below + index.url.removeprefix(folder)] = (index, one.suite, by_hash)
    paths = _indexes(list(wanted.values()), archive)
    files |= {path: paths[index.sha256].read_bytes() for path, (index, _, _) in wanted.items()}
    return Indexes(files, tuple(dict.fromkeys(releases)))


def _release_texts(one: Repository, archive: Archive) -> dict[str, bytes]:
    """`InRelease`, else `Release` with its signature apart; the signed text comes first."""
    folder = f"{one.uri}/{one.release_folder}"
    found = archive.text(f"{folder}InRelease", one.suite)
    if found is not None:
        return {"InRelease": found}
    parts = {name: archive.text(f"{folder}{name}", one.suite) for name in ("Release", "Release.gpg")}
    there = {name: data for name, data in parts.items() if data is not None}
    if len(there) < 2:
        what = f"the archive has no signed release file of {one.suite}"
        raise BuildError(what, where=public(folder), fix="mend the base's sources, or choose another base")
    return there


def _indexes(wanted: Sequence[tuple[LockedFile, str, str]], archive: Archive) -> Mapping[str, Path]:
    """By their names, as every mirror has them; by their hashes where the archive is being changed just now."""
    try:
        return archive.files([(index, suite) for index, suite, _ in wanted])
    except BuildError as error:
        if not any(by_hash for _, _, by_hash in wanted):
            raise _explained(error) from error
    return archive.files(
        [(index.model_copy(update={"url": by_hash or index.url}), suite) for index, suite, by_hash in wanted]
    )


def _explained(error: BuildError) -> BuildError:
    if not isinstance(error, Mismatch):
        return error
    what = f"an index of the archive is not the one that its release file names: {error.where}"
    fix = "run it again in a while, or name a mirror in the settings that is whole (mirrors:)"
    return BuildError(what, where=error.where, fix=fix, detail=error.what)


@dataclass(frozen=True)
class HttpArchive:
    """Archives over HTTP, through the mirrors of a source, with this machine's proxies, CAs and credentials."""

    source: Source
    store: Store
    observer: Observer
    policy: Policy = field(default_factory=read_policy)

    def files(self, wanted: Sequence[tuple[LockedFile, str]]) -> Mapping[str, Path]:
        """From the store, else downloaded into it."""
        return fetch([file for file, _ in wanted], self.source, self.store, self.observer, policy=self.policy)

    def text(self, url: str, suite: str) -> bytes | None:
        """Asked each time: it changes while its name stays."""
        del suite
        asked = self.source.address(url)
        if asked.startswith("file:"):
            return _read(Path(unquote(urlsplit(asked).path)))
        try:
            with Session() as session:
                return patiently(
                    lambda _failed: _text(session, asked, self.policy),
                    lambda error: isinstance(error, Cut),
                    self.policy,
                )
        except Cut as cut:
            what = f"cannot fetch {url.rsplit('/', 1)[1]}: {cut}"
            raise BuildError(what, where=public(asked), fix=_FIX) from cut


def _text(session: Session, url: str, policy: Policy) -> bytes | None:
    """What lies there now, None where nothing does. Raises Cut for what may go better next time."""
    name = url.rsplit("/", 1)[1]
    try:
        with session.get(url, timeout=(policy.connect, policy.read), stream=True) as answer:
            if answer.status_code == 200:
                return _bounded(answer, url)
            status = answer.status_code
    except (*CUT, requests.RequestException) as error:
        raise fault_of(error, name, public(url)) from error
    if status in {404, 410}:
        return None
    why = f"the server answered {status}"
    if status in AGAIN:
        raise Cut(why)
    raise BuildError(f"cannot fetch {name}: {why}", where=public(url), fix=_FIX)


def _bounded(answer: requests.Response, url: str) -> bytes:
    data = bytearray()
    for piece in answer.iter_content(CHUNK):
        data += piece
        if len(data) > _LARGEST:
            raise BuildError("this is far too large for a release file", where=public(url), fix=_FIX)
    return bytes(data)


def _read(path: Path) -> bytes | None:
    """A release file of a mirror that is a directory of this machine."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BuildError(f"cannot read: {error.strerror}", where=str(path), fix="check its rights") from error
