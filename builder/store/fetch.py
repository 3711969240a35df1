"""Bring every locked file onto this machine: in parallel, checked, resumed, and never half."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.lock.source import Source
from builder.network.offline import OFFLINE_FIX, is_offline
from builder.network.redact import public
from builder.progress import Observer, StepAdvanced, StepFinished, StepStarted, silent
from builder.settings.patience import Policy, read_policy
from builder.store.cache import Store, hash_file, mismatch, nearest_folder, same
from builder.store.download import Downloader, Stopped

KEY = "fetch"
JOIN_SECONDS = 2.0
TELL_SECONDS = 0.1
Result = tuple[LockedFile, "Path | BaseException"]


def fetch(
    files: Iterable[LockedFile],
    source: Source,
    store: Store,
    observer: Observer = silent,
    *,
    jobs: int = 8,
    policy: Policy | None = None,
) -> Mapping[str, Path]:
    """All files by sha256, each checked: where the source has it, else in the store, else downloaded.

    What the source holds on this machine is checked where it lies and not copied. Raises BuildError for the
    first file that cannot be had; the others are stopped then. An interrupt leaves nothing but `.part` files
    behind. The observer is called in this thread only.
    """
    wanted = list({file.sha256: file for file in files}.values())
    started = time.monotonic()
    total = sum(file.size or 0 for file in wanted) if all(file.size is not None for file in wanted) else None
    have = {file.sha256: path for file in wanted if (path := _in_store(file, source, store))}
    missing = [file for file in wanted if file.sha256 not in have]
    observer(StepStarted(KEY, KEY, f"{len(wanted)} file{'s' if len(wanted) != 1 else ''}"))
    done = sum(path.stat().st_size for path in have.values())
    try:
        _stay_home(missing, source)
        _room(missing, source, store)
        if missing:
            have |= _Pool(missing, source, store, policy or read_policy()).run(jobs, done, total, observer)
    except BaseException as error:
        observer(StepFinished(KEY, time.monotonic() - started, error=str(error) or "interrupted"))
        raise
    observer(StepFinished(KEY, time.monotonic() - started, cached=not missing))
    return {file.sha256: have[file.sha256] for file in wanted}


def _in_store(file: LockedFile, source: Source, store: Store) -> Path | None:
    return None if source.local(file) else store.find(file)


def _stay_home(missing: Iterable[LockedFile], source: Source) -> None:
    """Offline, say everything that would have to be fetched, and ask for none of it."""
    if not is_offline():
        return
    lacking = [file for file in missing if _is_far(file, source)]
    if lacking:
        what = f"offline, and {len(lacking)} file{'s are' if len(lacking) > 1 else ' is'} not in the store"
        detail = "\n".join(f"{file.filename}  {public(source.address(file.url))}" for file in lacking)
        raise BuildError(what, where=lacking[0].filename, fix=OFFLINE_FIX, detail=detail)


def _is_far(file: LockedFile, source: Source) -> bool:
    return source.local(file) is None and source.address(file.url).startswith(("http:", "https:"))


def _room(missing: Iterable[LockedFile], source: Source, store: Store) -> None:
    """Say that the disk is too small before the first byte is fetched."""
    needed = sum(file.size or 0 for file in missing if not source.local(file))
    if not needed:
        return
    free = shutil.disk_usage(nearest_folder(store.root.absolute())).free
    if free < needed:
        what = f"the downloads need {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free"
        raise BuildError(
            what, where=str(store.root), fix="free some space, or set IMGBUILD_CACHE to a larger disk"
        )


@dataclass
class _Tally:
    """Bytes seen by all workers together."""

    done: int
    told: float = 0.0


class _Pool:
    """Daemon threads around one queue, so that an interrupt never waits for a stalled server."""

    def __init__(self, files: list[LockedFile], source: Source, store: Store, policy: Policy) -> None:
        self.source, self.store, self.policy = source, store, policy
        self.todo: queue.SimpleQueue[LockedFile] = queue.SimpleQueue()
        self.news: queue.SimpleQueue[int | Result] = queue.SimpleQueue()
        self.stop = threading.Event()
        self.count = len(files)
        for file in sorted(files, key=lambda file: -(file.size or 0)):  # the longest first: a shorter tail
            self.todo.put(file)

    def run(self, jobs: int, done: int, total: int | None, observer: Observer) -> dict[str, Path]:
        """Start the workers and gather until every file is there or one failed."""
        threads = [
            threading.Thread(target=self._work, daemon=True, name=f"fetch-{number}")
            for number in range(max(1, min(jobs, self.count)))
        ]
        for thread in threads:
            thread.start()
        try:
            return self._gather(_Tally(done), total, observer)
        finally:
            self.stop.set()
            limit = time.monotonic() + JOIN_SECONDS
            for thread in threads:
                thread.join(max(0.0, limit - time.monotonic()))

    def _gather(self, tally: _Tally, total: int | None, observer: Observer) -> dict[str, Path]:
        found: dict[str, Path] = {}
        while len(found) < self.count:
            news = self.news.get()
            if isinstance(news, int):
                tally.done += news
            else:
                file, outcome = news
                if isinstance(outcome, BaseException):
                    raise outcome
                found[file.sha256] = outcome
            if time.monotonic() - tally.told >= TELL_SECONDS or len(found) == self.count:
                observer(StepAdvanced(KEY, tally.done, total, "bytes"))
                tally.told = time.monotonic()
        return found

    def _work(self) -> None:
        """One worker: files until there are none, or until somebody failed."""
        with Downloader(self.store, self.policy, self.stop, self.news.put) as downloader:
            while not self.stop.is_set():
                try:
                    file = self.todo.get_nowait()
                except queue.Empty:
                    return
                try:
                    self.news.put((file, self._one(file, downloader)))
                except Stopped:
                    return
                except BaseException as error:  # noqa: BLE001  (raised in the caller's thread)
                    self.news.put((file, error))
                    return

    def _one(self, file: LockedFile, downloader: Downloader) -> Path:
        asked = self.source.address(file.url)
        here = self.source.local(file) or _file_url(asked)
        if here is not None:
            return check_local(file, here, self.news.put)
        if file.url.startswith("kit:"):
            what = f"{file.filename} comes from a kit, and that kit is not at hand"
            raise BuildError(what, where=file.url, fix="name the kit that the lock was made with: --kit DIR")
        if file.url.startswith("installer:"):
            what = f"{file.filename} was given as a file when the lock was made, and is not in the store"
            fix = f"give it again: --installer FILE --installer-sha256 {file.sha256}"
            raise BuildError(what, where=str(self.store.root), fix=fix)
        return downloader.get(file.model_copy(update={"url": asked}))


def _file_url(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def check_local(file: LockedFile, path: Path, tick: Callable[[int], None]) -> Path:
    """A file that lies on this machine already, checked where it lies. Raises BuildError."""
    try:
        got = hash_file(path, tick)
    except FileNotFoundError as error:
        what = f"{file.filename} is missing"
        raise BuildError(what, where=str(path), fix="restore it, or make the kit again") from error
    except OSError as error:
        raise BuildError(
            f"cannot read: {error.strerror or error}", where=str(path), fix="check its rights"
        ) from error
    if not same(file, *got):
        raise mismatch(
            file, *got, place=str(path), fix="restore the file, or make the kit again; nothing was built"
        )
    return path
