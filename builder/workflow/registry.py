"""The digest behind a base's tag, asked of its registry through the engine."""

from __future__ import annotations

from builder.errors import BuildError, EngineError, LockError
from builder.network.offline import refuse_offline
from builder.progress import Note, Observer
from builder.spec.model import Platform
from builder.store.upstream import ResolveDigest


def asking(locked: str, observer: Observer, *, anew: bool) -> ResolveDigest:
    """What tells digests while a lock is made.

    locked: the base of the lock before, or nothing. Its digest of the same tag stays; with anew the registry is
    asked all the same. Where none can be asked the digest stays as well, and the observer is told: a lock made
    offline is no looser than the one it replaces.
    """

    def ask(ref: str, platform: Platform) -> str:
        tag, at, digest = locked.partition("@")
        held = bool(at) and tag == ref
        if held and not anew:
            return digest
        try:
            return ask_engine(ref, platform)
        except (EngineError, BuildError) as error:
            if not held:
                raise
            observer(
                Note(f"{ref}: the registry could not be asked ({error.what}), so its locked digest stays")
            )
            return digest

    return ask


def ask_engine(ref: str, platform: Platform) -> str:
    """`sha256:...` of the image that the registry holds under a tag now.

    The engine asks: it has the credentials, the certificates and the mirrors that a pull would use. Raises
    LockError when the registry has no such image, or not for the platform; EngineError without an engine,
    BuildError when the registry cannot be reached.
    """
    from builder.engine.connect import connect

    refuse_offline(ref)
    found = connect().remote(ref)
    if found is None:
        raise LockError(
            f"the registry has no image {ref}", where="envs/_bases.yml", fix="correct the row's ref"
        )
    if found.platforms and platform not in found.platforms:
        raise LockError(
            f"the registry's {ref} is not made for {platform}",
            where="envs/_bases.yml",
            fix=f"it is made for {', '.join(found.platforms)}",
        )
    return found.digest
