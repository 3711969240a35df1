"""What rattler's words mean when it could not read a channel: (what, fix), or None where they say no more."""

from __future__ import annotations

import re

from builder.network.cache import repodata_root
from builder.network.credentials import login_advice
from builder.network.redact import public

_UNCACHED = re.compile(r"no usable repodata cache for (\S+)")
_NO_SHARD = re.compile(r"the shard for package '([^']+)' is not in the cache")
_NO_CHANNEL = re.compile(r"could not find subdir '[^']*' in channel '([^']+)'")
_UNREACHABLE = re.compile(r"error sending request for url \(([^)\s]+)\)")
_CAUSE = re.compile(r"Caused by: ([^\n]+)\s*\Z")


def missing_offline(text: str) -> str:
    """What was not fetched before, by name."""
    if found := _NO_SHARD.search(text):
        return f"what the channels say of {found[1]}"
    if found := _UNCACHED.search(text):
        return f"the index {public(found[1])}"
    return "an index that is needed"


def spoken(text: str) -> tuple[str, str] | None:
    """The reason in a sentence, and a mend."""
    if str(repodata_root()) in text:
        fix = "set IMGBUILD_CACHE to a directory that you can write, with room for indexes and packages"
        return "the store for channels' indexes cannot be written", fix
    if found := _NO_CHANNEL.search(text):
        fix = "check its name"
        if found[1].startswith("http"):
            fix += f"; one that hides from strangers wants credentials: {login_advice(found[1])}"
        return f"there is no channel at {public(found[1])}", fix
    if found := _UNREACHABLE.search(text):
        cause = _CAUSE.search(text)
        why = f" ({cause[1]})" if cause else ""
        fix = "check its name, the network and proxy settings, then run again; or use a kit with --kit DIR"
        return f"{public(found[1])} cannot be reached{why}", fix
    return None
