"""An image read from its layers: what an image holds in which no Python runs, or that is for another machine."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from builder.audit.facts import Inventory
from builder.audit.payload.scan import scan
from builder.audit.sink import Sink, sink
from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError
from builder.progress import Observer, StepFinished, StepStarted


def read_layers(engine: Engine, image: ImageInfo, observer: Observer) -> Inventory:
    """All ELF files of an image, from the tar that the engine makes of its layers; nothing of it is run.

    Raises BuildError for an archive that breaks off or a full disk, EngineError when the engine goes away.
    """
    key = f"audit:{image.id}"
    observer(StepStarted("audit", key, "read compiled files from the layers"))
    began = time.monotonic()
    with sink() as target:
        unpack(engine, image, target)
        said = scan(str(target.root), reading="layers", first=image.env.get("CONDA_PREFIX", ""))
    observer(StepFinished(key, time.monotonic() - began))
    folders = tuple(part for part in image.env.get("LD_LIBRARY_PATH", "").split(":") if part)
    return Inventory.model_validate({**said, "library_path": folders})


def unpack(engine: Engine, image: ImageInfo, target: Sink) -> None:
    """Give every file of an image to a sink. Raises as `read_layers`."""
    pieces = engine.export(image.id)
    with ExitStack() as stack:
        stack.callback(getattr(pieces, "close", lambda: None))  # an iterator may have nothing to close
        _unpack(pieces, target, image.id)
    target.finish()


def _unpack(pieces: Iterator[bytes], target: Sink, image: str) -> None:
    try:
        with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces), 1 << 20), mode="r|") as tar:
            for entry in tar:
                tar.members = []  # type: ignore[attr-defined]  # it would keep a note of each
                _take(tar, entry, target)
    except (tarfile.TarError, EOFError) as error:
        raise BuildError(f"the image's files cannot be read: {error}", where=image) from error


def _take(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: Sink) -> None:
    path = f"/{entry.name.lstrip('/')}"
    if entry.issym():
        target.link(path, entry.linkname)
    elif entry.islnk():
        target.same(path, f"/{entry.linkname.lstrip('/')}")
    elif entry.isreg() and (content := tar.extractfile(entry)) is not None:
        target.file(path, content)


class Pieces(io.RawIOBase):
    """An iterator of bytes as a file to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer, as io wants it."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
