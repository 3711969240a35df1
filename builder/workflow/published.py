"""An image of a registry as `verify` looks at it, without pulling it: configuration, layers, what lies beside."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import ValidationError

from builder.audit.layers import Pieces
from builder.engine.port import Engine
from builder.errors import RegistryError
from builder.lock.model import LockSet
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.publish.tags import permanent_tag
from builder.publish.travel import INSTALLED, LOCK, VERDICT
from builder.registry.blobs import blob_pieces
from builder.registry.client import Registry
from builder.registry.read import RemoteConfig, read_config
from builder.registry.reference import Reference, parse_reference
from builder.registry.referrers import readable, referrers
from builder.registry.trust import DaemonTrust, daemon_trust
from builder.registry.wire import Wire
from builder.settings.patience import read_policy
from builder.smoke.verdict import Verdict
from builder.values import Value
from builder.verify.installed import Installed, read_installed
from builder.verify.page import config_of
from builder.verify.saved import Image, checked, unpacked
from builder.verify.tree import CHUNK, Layer, read_layer
from builder.verify.truth import keep
from builder.workflow.subjects import Subject

log = logging.getLogger(__name__)


def in_registry(name: str, platform: str, engine: Engine | None) -> Subject:
    """An image under a reference. Raises UsageError for what is no reference, RegistryError."""
    ref = parse_reference(name)
    trust = trust_of(engine)
    found = read_config(ref, platform, trust=trust)
    return Subject(
        place="registry",
        name=name,
        ids=tuple(dict.fromkeys((found.config, found.manifest, found.digest))),
        platform=found.platform,
        config=config_of(found.start),
        diff_ids=found.diff_ids,
        made_by=found.made_by,
        read=lambda: _layers(ref, found, trust),
        beside=_verdict(ref, found, trust),
        size=found.size,
        installed=lambda plan: _installed(ref, found, trust, plan),
    )


def lock_beside(name: str, platform: str, engine: Engine | None) -> LockSet | None:
    """The lock that lies beside an image, as `push` puts it there; None without one. Raises RegistryError."""
    ref, trust = parse_reference(name), trust_of(engine)
    found = read_config(ref, platform, trust=trust)
    return next(
        (one for body in _documents(ref, found, trust, LOCK) if (one := _read(LockSet, body, ref))), None
    )


V = TypeVar("V", bound=Value)


def _read(kind: type[V], body: bytes, ref: Reference) -> V | None:
    """A document, or None for what cannot be read: anybody may put something beside an image."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        log.warning("what lies beside %s is no %s: %s", ref, kind.__name__, error.errors()[0]["msg"])
        return None


def _documents(ref: Reference, found: RemoteConfig, trust: DaemonTrust, kind: str) -> Iterator[bytes]:
    """What of one kind lies beside an image."""
    with _opened(ref, trust) as registry:
        yield from readable(
            registry, ref.repository, referrers(registry, ref.repository, found.manifest, kind)
        )


def trust_of(engine: Engine | None) -> DaemonTrust:
    """Whom the engine trusts; where none answers, what this machine's files say."""
    info = engine.info() if engine is not None else None
    return daemon_trust(insecure=info.insecure, mirrors=info.mirrors) if info else daemon_trust()


@contextmanager
def _opened(ref: Reference, trust: DaemonTrust) -> Iterator[Registry]:
    with Wire(trust, read_policy()) as wire:
        yield Registry(ref.host, wire, Logins(here()))


def _verdict(ref: Reference, found: RemoteConfig, trust: DaemonTrust) -> Verdict | None:
    """The verdict that lies beside the image: the one about this very image, where there are several."""
    bodies = _documents(ref, found, trust, VERDICT)
    verdicts = [one for body in bodies if (one := _read(Verdict, body, ref)) is not None]
    ids = {found.config, found.manifest, found.digest}
    return next((one for one in verdicts if one.image_id in ids), verdicts[0] if verdicts else None)


def _installed(ref: Reference, found: RemoteConfig, trust: DaemonTrust, plan: str) -> Installed | None:
    """The list of files that lies beside the image; where none about this image does, beside the one that was pushed of
    its plan: an image that was put in its place is held against that."""
    own = _lists(ref, found, trust)
    if own is not None:
        return own
    try:
        permanent = ref.model_copy(update={"tag": permanent_tag(plan), "digest": None})
        return _lists(permanent, read_config(permanent, found.platform, trust=trust), trust)
    except RegistryError as error:
        if error.kind not in {"missing", "platform"}:
            raise
        return None


def _lists(ref: Reference, found: RemoteConfig, trust: DaemonTrust) -> Installed | None:
    for body in _documents(ref, found, trust, INSTALLED):
        try:
            listed = read_installed(body)
        except ValueError as error:
            log.warning("what lies beside %s is %s", ref, error)
            continue
        if listed.image_id in {found.config, found.manifest}:
            return listed
    return None


def _layers(ref: Reference, found: RemoteConfig, trust: DaemonTrust) -> Image:
    """Every layer as a stream; each is held against its digest and against what the configuration names."""
    layers: dict[str, Layer] = {}
    with _opened(ref, trust) as registry:
        for layer in found.layers:
            if layer.digest not in layers:
                pieces = blob_pieces(registry, ref.repository, layer.digest, layer.size)
                layers[layer.digest] = _layer(pieces, f"{ref}@{layer.digest[:19]}")
    config = {"config": found.start, "rootfs": {"diff_ids": list(found.diff_ids)}}
    image = Image(config, tuple(layers[one.digest] for one in found.layers))
    if len(image.layers) != len(found.diff_ids):
        raise RegistryError("broken", "manifest and configuration name different layers", where=str(ref))
    return checked(image, str(ref))


def _layer(pieces: Iterator[bytes], where: str) -> Layer:
    stream = io.BufferedReader(Pieces(pieces), CHUNK)
    with unpacked(stream) as plain:
        layer = read_layer(plain, keep, where)
    for _rest in iter(lambda: stream.read(CHUNK), b""):  # to the end, where the digest is compared
        pass
    return layer
