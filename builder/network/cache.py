"""Where this machine keeps what it fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from builder.userpath import user_path


def default_root(environ: Mapping[str, str] | None = None) -> Path:
    """Where the store lies: IMGBUILD_CACHE, else the user's cache directory (`~/.cache/imgbuild`).

    `store:` of a settings file stands in that variable when a command begins.
    """
    wanted = (os.environ if environ is None else environ).get("IMGBUILD_CACHE")
    if wanted:
        return user_path(wanted)
    import platformdirs  # noqa: PLC0415  (only where the variable does not say it)

    return platformdirs.user_cache_path("imgbuild")


def repodata_root() -> Path:
    """Where the channels' indexes lie."""
    return default_root() / "repodata"
