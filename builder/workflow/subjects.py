"""What `verify` looks at: an image of the engine or of a registry, and the base that its lock names."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from builder.engine.port import Engine, ImageInfo
from builder.errors import BuildError, ImgbuildError
from builder.lock.model import LockSet
from builder.lock.source import Source
from builder.progress import Note, Observer
from builder.registry.read import read_config
from builder.registry.reference import parse_reference
from builder.smoke.verdict import Verdict
from builder.store.cache import Store, default_root
from builder.store.fetch import fetch
from builder.verify.installed import Installed
from builder.verify.page import Config, config_of
from builder.verify.saved import Image, checked, read_saved
from builder.verify.truth import keep


@dataclass(frozen=True)
class Subject:
    """An image as it is asked about. ids: every digest that names it, its configuration's first. read: all its files.

    beside: the verdict that lies beside it, where that is asked of its place (a registry). size: bytes, as they lie
    there. installed: the list of files that a push has laid there, of this image or of the one of this plan.
    """

    place: Literal["engine", "registry"]
    name: str
    ids: tuple[str, ...]
    platform: str
    config: Config
    diff_ids: tuple[str, ...]
    made_by: tuple[str, ...]
    read: Callable[[], Image]
    beside: Verdict | None = None
    size: int = 0
    installed: Callable[[str], Installed | None] = lambda _plan: None


@dataclass(frozen=True)
class BaseFacts:
    """A base: its layers by their diff ids, and its configuration."""

    diff_ids: tuple[str, ...]
    config: Config


def in_engine(engine: Engine, image: ImageInfo, name: str) -> Subject:
    """An image of the engine. Its layers are read from what the engine saves; nothing of it is run."""
    return Subject(
        place="engine",
        name=name,
        ids=(image.id,),
        platform=image.platform,
        config=config_of(image.config),
        diff_ids=image.diff_ids,
        made_by=(),
        read=lambda: checked(read_saved(engine.save(image.id), keep, image.id), image.id),
        size=image.size,
    )


def base_facts(lock: LockSet, source: Source, engine: Engine | None, observer: Observer) -> BaseFacts | None:
    """Of the locked base: from its archive in the kit, the engine, or its registry; None where nobody can say it."""
    base = lock.base
    if base.tar is not None and not base.image_id:
        # imported as it is: one layer, which is the tar itself, and a label
        return BaseFacts((f"sha256:{base.tar.sha256}",), Config(labels={"io.imgbuild.kind": "base"}))
    try:
        here = engine.find(base.ref) if engine is not None else None
        if here is not None and base.image_id in {"", here.id}:
            return BaseFacts(here.diff_ids, config_of(here.config))
        if base.tar is not None:
            return _of_archive(lock, source, observer)
        remote = read_config(parse_reference(base.ref), lock.platform)
        return BaseFacts(remote.diff_ids, config_of(remote.start))
    except ImgbuildError as error:
        observer(Note(f"the base {base.key} could not be asked about: {error.what}"))
        return None


def _of_archive(lock: LockSet, source: Source, observer: Observer) -> BaseFacts:
    """A kit's base with layers: the archive holds its configuration, whose hash the lock names."""
    tar = lock.base.tar
    if tar is None:
        raise AssertionError("only a kit's base has an archive")
    path = fetch([tar], source, Store(default_root()), observer)[tar.sha256]
    try:
        with tarfile.open(path) as archive:
            stream = archive.extractfile(f"{lock.base.image_id.removeprefix('sha256:')}.json")
            document: dict[str, Any] = json.loads(stream.read() if stream else b"")
        return BaseFacts(tuple(document["rootfs"]["diff_ids"]), config_of(document.get("config") or {}))
    except (tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise BuildError(
            "the base's archive cannot be read", where=str(path), fix="make the kit again"
        ) from error
