"""What an image in a registry says of itself, without pulling it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from builder.errors import RegistryError
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.registry.client import Registry
from builder.registry.faults import BROKEN_FIX
from builder.registry.manifest import Layer, Manifest, choose, read_document
from builder.registry.reference import HUB, Reference
from builder.registry.trust import DaemonTrust, daemon_trust
from builder.registry.wire import Wire
from builder.settings.patience import Policy, read_policy
from builder.values import Value

log = logging.getLogger(__name__)

_CONFIG_LIMIT = 8 << 20  # bytes; labels and history of the largest images are far below
_DEEPEST = 3  # indexes within indexes


class RemoteConfig(Value):
    """An image in a registry.

    digest: what the reference stands for (of the index, where there is one); manifest: of the image for the platform;
    config: of its configuration, which is its id in a graph-driver engine. layers: lowest first, sizes compressed.
    diff_ids: the same layers unpacked; start: how it starts, with the names that OCI gives its parts; made_by: the step
    that made each layer.
    """

    ref: str
    digest: str
    manifest: str
    config: str
    platform: str
    env: dict[str, str]
    labels: dict[str, str]
    layers: tuple[Layer, ...]
    diff_ids: tuple[str, ...] = ()
    start: dict[str, Any] = {}
    made_by: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that a pull would fetch."""
        return sum(layer.size for layer in self.layers)


def read_config(
    ref: Reference,
    platform: str,
    *,
    trust: DaemonTrust | None = None,
    logins: Logins | None = None,
    policy: Policy | None = None,
) -> RemoteConfig:
    """The configuration of an image, for a platform (`linux/amd64`).

    Two or three small requests. An image that is for one platform only is returned as it is. Raises RegistryError
    (kind `platform` where an index has none for it), UsageError for settings that cannot be read, BuildError offline.
    """
    trusted = trust or daemon_trust()
    known = logins or Logins(here())
    with Wire(trusted, policy or read_policy()) as wire:
        for registry in _mirrors(ref, wire, known):
            found = _tried(registry, ref, platform)
            if found is not None:
                return found
        return _read(Registry(ref.host, wire, known), ref, platform)


def _mirrors(ref: Reference, wire: Wire, logins: Logins) -> Iterator[Registry]:
    for mirror in wire.trust.mirrors if ref.host == HUB else ():
        yield Registry(ref.host, wire, logins, at=mirror)


def _tried(mirror: Registry, ref: Reference, platform: str) -> RemoteConfig | None:
    try:
        return _read(mirror, ref, platform)
    except RegistryError as error:  # passed over, as the engine does
        log.debug("a mirror does not have %s: %s", ref, error)
        return None


def _read(registry: Registry, ref: Reference, platform: str) -> RemoteConfig:
    top = found = registry.manifest(ref.repository, ref.wanted)
    for _depth in range(_DEEPEST):
        document = read_document(found.body, found.media_type, str(ref))
        if isinstance(document, Manifest):
            body = registry.blob(ref.repository, document.config, _CONFIG_LIMIT)
            digests = (top.digest, found.digest)
            return _config(ref, digests, document, body)
        found = registry.manifest(ref.repository, choose(document, platform, str(ref)).digest)
    raise RegistryError("broken", "indexes lead to indexes and to no image", where=str(ref), fix=BROKEN_FIX)


def _config(ref: Reference, digests: tuple[str, str], manifest: Manifest, body: bytes) -> RemoteConfig:
    try:
        document: dict[str, Any] = json.loads(body)
        config = document.get("config") or {}
        parts = (document["os"], document["architecture"], document.get("variant"))
        pairs = (str(entry).partition("=") for entry in config.get("Env") or ())
        env = {name: value for name, _, value in pairs}
        labels = {str(name): str(value) for name, value in (config.get("Labels") or {}).items()}
        rows = (row for row in document.get("history") or () if not row.get("empty_layer"))
        steps = tuple(str(row.get("created_by") or "") for row in rows)
        diff_ids = tuple(str(one) for one in (document.get("rootfs") or {}).get("diff_ids") or ())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        what = "what lies there is no image (its configuration names no platform)"
        raise RegistryError("broken", what, where=str(ref), fix=BROKEN_FIX) from error
    return RemoteConfig(
        ref=str(ref),
        digest=digests[0],
        manifest=digests[1],
        config=manifest.config,
        platform="/".join(str(part) for part in parts if part),
        env=env,
        labels=labels,
        layers=manifest.layers,
        diff_ids=diff_ids,
        start=config,
        made_by=steps,
    )
