"""The digest behind a base's tag now, asked of its registry, each reference once."""

from __future__ import annotations

from dataclasses import dataclass, field

from builder.errors import BuildError, ImgbuildError, RegistryError
from builder.lock.model import LockSet
from builder.lock.outdated.model import BaseRow
from builder.lock.source import Source
from builder.network.offline import refuse_offline
from builder.registry.read import RemoteConfig, read_config
from builder.registry.reference import parse_reference
from builder.spec.model import ImageSpec, Platform
from builder.store.upstream import ResolveDigest, Upstream

_NOBODY = frozenset({"address", "unreachable", "untrusted"})


@dataclass
class Registries:
    """What registries answered: an image, or why there is none. silent: hosts that are not asked a second time."""

    known: dict[tuple[str, str], RemoteConfig | ImgbuildError] = field(default_factory=dict)
    silent: dict[str, ImgbuildError] = field(default_factory=dict)

    def image(self, ref: str, platform: Platform) -> RemoteConfig:
        """What a tag stands for. Raises UsageError, RegistryError, BuildError offline."""
        key = (ref, platform)
        if key not in self.known:
            try:
                self.known[key] = self._asked(ref, platform)
            except ImgbuildError as error:
                self.known[key] = error
        found = self.known[key]
        if isinstance(found, ImgbuildError):
            raise found
        return found

    def _asked(self, ref: str, platform: Platform) -> RemoteConfig:
        refuse_offline(ref)
        wanted = parse_reference(ref)
        if wanted.host in self.silent:
            raise self.silent[wanted.host]
        try:
            return read_config(wanted, platform)
        except RegistryError as error:
            if error.kind in _NOBODY:
                self.silent[wanted.host] = error
            raise

    def row(self, spec: ImageSpec, lock: LockSet, source: Source) -> BaseRow:
        """The base of a lock against its registry, or against the kit's table."""
        row = BaseRow(key=lock.base.key, ref=spec.base.ref, locked=lock.base.ref.partition("@")[2])
        try:
            if not isinstance(source, Upstream):
                return row.model_copy(
                    update={"locked": lock.base.ref, "now": source.base(spec, lock.platform).ref}
                )
            if "@" in spec.base.ref:
                return row.model_copy(update={"now": spec.base.ref.partition("@")[2]})
            found = self.image(spec.base.ref, lock.platform)
        except ImgbuildError as error:
            return row.model_copy(update={"trouble": error.what})
        return row.model_copy(update={"now": found.digest, "size": found.size})

    def resolving(self, lock: LockSet) -> ResolveDigest:
        """For the lock as it would be: where no registry answers, the locked digest stays."""

        def resolve(ref: str, platform: Platform) -> str:
            tag, at, digest = lock.base.ref.partition("@")
            try:
                return self.image(ref, platform).digest
            except ImgbuildError as error:
                if at and tag == ref:
                    return digest
                raise BuildError(error.what, where=error.where, fix=error.fix) from error

        return resolve
