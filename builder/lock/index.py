"""How uv reaches an index: credentials through its variables, never on its command line, and what its refusals mean."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from builder.network.credentials import credentials, login_advice
from builder.network.offline import OFFLINE_FIX, is_offline
from builder.network.redact import redacted
from builder.network.refusal import CERTIFICATES_FIX
from builder.settings.patience import read_policy

# Options that name an index, with the name that it gets where it has credentials.
_OPTIONS = {"--default-index": "imgbuild", "--index": "cpu"}
_REFUSED = re.compile(
    r"index URL \(([^)\s]+)\) could not be queried due to (?:a lack of valid )?auth", re.IGNORECASE
)
_STATUS = re.compile(r"HTTP status client error \((401|403|407)[^)]*\) for url \(([^)\s]+)\)")
_UNTRUSTED = re.compile(r"invalid peer certificate|UnknownIssuer|certificate verify failed", re.IGNORECASE)
_DISABLED = re.compile(r"network (?:connectivity )?(?:was|is) disabled", re.IGNORECASE)
_BROKEN = re.compile(r"Failed to unzip wheel: (\S+?\.whl)(?!.*HTTP status)")
_BROKEN_FIX = "try again; if it stays so, tell those who run the index"
_FIRST_URL = re.compile(r"https?://[^\s`'\")]+")


def signed(index: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The same arguments, with a name for an index that has credentials; and the variables that give them to it."""
    words, secrets = list(index), dict[str, str]()
    for option, name in _OPTIONS.items():
        at = words.index(option) + 1 if option in words else 0
        secret = credentials().for_url(words[at]) if at else None
        if secret is not None and secret.kind == "basic":
            words[at] = f"{name}={words[at]}"
            stem = f"UV_INDEX_{name.upper()}"
            secrets |= {f"{stem}_USERNAME": secret.user, f"{stem}_PASSWORD": secret.value}
    return words, secrets


def settings() -> dict[str, str]:
    """What uv is told of this machine, where its variables do not say it.

    Its certificate store (older versions know the second name), how often to ask again, and offline.
    """
    usual = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "UV_HTTP_RETRIES": str(read_policy().attempts - 1)}
    told = {name: value for name, value in usual.items() if name not in os.environ}
    return {**told, "UV_OFFLINE": "1"} if is_offline() else told


def network_reason(text: str) -> tuple[str, str] | None:
    """(what, fix) where uv's words say that the way to the index is the trouble."""
    if found := _REFUSED.search(text):
        return f"{redacted(found[1])} wants credentials, or refuses those it got", login_advice(found[1])
    if found := _STATUS.search(text):
        return f"{redacted(found[2])} wants credentials (it answered {found[1]})", login_advice(found[2])
    if _UNTRUSTED.search(text):
        url = _FIRST_URL.search(text)
        place = redacted(url[0]) if url else "the package index"
        return f"the certificate of {place} is not trusted by this machine", CERTIFICATES_FIX
    if found := _BROKEN.search(text):
        return f"the index's {found[1]} cannot be read: it is damaged, or was on its way", _BROKEN_FIX
    if is_offline() and _DISABLED.search(text):
        return "offline, and what the pip section needs was not fetched before", OFFLINE_FIX
    return None
