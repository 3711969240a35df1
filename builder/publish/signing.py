"""A signature by cosign, where somebody asks for one with a key.

Everything that is cosign's own (the key's password, a log or timestamp server, what a signature looks like) is said to
it as it wants to be told, by its variables `COSIGN_...`. Ours is what is signed, and that nothing is told to a public
log unless somebody says so. Source: sigstore/cosign:doc/cosign_sign.md.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from builder.errors import PublishError, UsageError
from builder.network.redact import redacted, remember
from builder.proc import CommandFailed, Expired, run
from builder.registry.trust import DaemonTrust

_PATIENCE = 300.0  # seconds for one signature; cosign's own patience is three minutes
_LOG = ("COSIGN_TLOG_UPLOAD", "COSIGN_USE_SIGNING_CONFIG", "COSIGN_SIGNING_CONFIG")
_SCHEMED = re.compile(r"[a-z0-9]+://|pkcs11:")


@dataclass(frozen=True, slots=True)
class Signer:
    """cosign, with a key. key: a file, or what cosign calls a KMS URI. more: variables that are added for it."""

    program: str
    key: str
    more: Mapping[str, str] = field(default_factory=dict)


def find_signer(key: str) -> Signer:
    """Whoever signs with this key. Raises UsageError where cosign or the key's file is not there."""
    for secret in (*re.findall(r"pin-value=([^&;?]+)", key), os.environ.get("COSIGN_PASSWORD", "")):
        for spelling in {secret, unquote(secret)} - {""}:
            remember(spelling)
    program = shutil.which("cosign")
    if program is None:
        raise UsageError(
            "there is no cosign on PATH, which makes the signature",
            where="--sign",
            fix="install cosign, or push without --sign",
        )
    if not _SCHEMED.match(key) and not Path(key).is_file():
        fix = "make a pair with `cosign generate-key-pair`, or name a KMS URI as cosign has it"
        raise UsageError(f"there is no key file {key}", where="--sign", fix=fix)
    return Signer(program, key)


def trusting(signer: Signer, host: str, base: str, trust: DaemonTrust) -> Signer:
    """The same, which trusts a registry as the engine does. base: how it is asked (`http://HOST`). What is set already
    stays."""
    authorities = trust.of(host).authorities
    more = {"COSIGN_REGISTRY_CACERT": str(authorities[0])} if authorities else {}
    if trust.is_insecure(host):
        more["COSIGN_ALLOW_INSECURE_REGISTRY"] = "true"
    if base.startswith("http:"):
        more["COSIGN_ALLOW_HTTP_REGISTRY"] = "true"
    return Signer(signer.program, signer.key, {k: v for k, v in more.items() if k not in os.environ})


def sign(signer: Signer, ref: str) -> None:
    """Sign what `HOST/REPOSITORY@sha256:...` stands for, and have the signature put into its repository.

    Raises PublishError with cosign's own words.
    """
    more, words = dict(signer.more), ["sign", "--yes", "--key", signer.key]
    if not any(name in os.environ for name in _LOG):
        words.append("--tlog-upload=false")
        more["COSIGN_USE_SIGNING_CONFIG"] = "false"  # cosign 3 would refuse the one without the other
    try:
        run([signer.program, *words, ref], env=more, timeout=_PATIENCE)
    except Expired as error:
        what = f"cosign did not end within {_PATIENCE:.0f} seconds"
        raise PublishError(what, where=ref, fix="see whether it waits for a device or a server") from error
    except (CommandFailed, OSError) as error:
        fix = "a key with a password wants COSIGN_PASSWORD; no tag of yours was moved"
        detail = redacted(error.result.stderr if isinstance(error, CommandFailed) else str(error)).strip()
        raise PublishError("cosign did not sign it", where=ref, fix=fix, detail=detail) from error
